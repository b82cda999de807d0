import org.apache.curator.framework.CuratorFramework;

/** Curator's recipes, and how they fare while members restart: java Recipes CONNECT ALL ROOT. */
public final class Recipes {
    private Recipes() {}

    public static void main(String[] args) throws Exception {
        String connect = args[0], all = args[1], root = args[2];
        try (CuratorFramework one = Frameworks.start(connect); CuratorFramework other = Frameworks.start(all)) {
            Basics.use(one, root + "/basics");
            Locks.use(one, other, root + "/locks");
            Leaders.use(one, other, root + "/leaders");
            Barriers.use(one, other, root + "/barriers");
            Queues.use(one, other, root + "/queues");
            Caches.use(one, other, root + "/caches");
            Nodes.use(one, other, root + "/nodes");
            Counters.use(one, other, root + "/counters");
        }
        RecipesRestarted.survive(connect, all, root + "/restarted");
        Ensemble.done();
    }
}
