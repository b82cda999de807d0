import java.util.Collection;
import org.apache.curator.ensemble.fixed.FixedEnsembleProvider;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.retry.RetryForever;
import org.apache.zookeeper.AddWatchMode;

/** The recipes, and what Curator builds on persistent watches: java Recipes39 CONNECT ALL ROOT. */
public final class Recipes39 {
    private Recipes39() {}

    public static void main(String[] args) throws Exception {
        String connect = args[0], all = args[1], root = args[2] + "/persistent";
        try (CuratorFramework one = Frameworks.start(connect); CuratorFramework other = Frameworks.start(all)) {
            cache(one, other, root);
        }
        tracker(connect, all);
        Recipes.main(args);
    }

    /** A copy of a subtree by one recursive watch, restarts included. */
    private static void cache(CuratorFramework one, CuratorFramework other, String root) throws Exception {
        other.create().creatingParentsIfNeeded().forPath(root + "/a", "1".getBytes());
        Frameworks.sync(one);
        try (CuratorCache cache = CuratorCache.build(one, root)) {
            cache.start();
            Check.until("the start", () -> text(cache, root + "/a").equals("1"));
            other.create().forPath(root + "/a/b", "2".getBytes());
            other.setData().forPath(root + "/a", "3".getBytes());
            Check.until("changes", () -> text(cache, root + "/a/b").equals("2")
                    && text(cache, root + "/a").equals("3"));
            String down = Ensemble.ask("kill " + Frameworks.session(one));
            other.delete().forPath(root + "/a/b");
            other.setData().forPath(root + "/a", "4".getBytes());
            Ensemble.ask("start " + down);
            Check.until("what was missed", () -> text(cache, root + "/a").equals("4")
                    && !cache.get(root + "/a/b").isPresent());
        }
        one.watchers().add().withMode(AddWatchMode.PERSISTENT).forPath(root);
        one.watchers().removeAll().forPath(root);
    }

    private static String text(CuratorCache cache, String path) {
        return cache.get(path).map(it -> Caches.text(it.getData())).orElse("");
    }

    /** Curator reads the members from the configuration, and follows it. */
    private static void tracker(String connect, String all) throws Exception {
        FixedEnsembleProvider provider = new FixedEnsembleProvider(connect, true);
        try (CuratorFramework tracking = CuratorFrameworkFactory.builder().ensembleProvider(provider)
                .sessionTimeoutMs(40_000).connectionTimeoutMs(10_000).retryPolicy(new RetryForever(100))
                .build()) {
            tracking.start();
            Collection<String> members = java.util.Set.of(all.split(","));
            Check.until("all members are known from " + connect, () ->
                    members.equals(java.util.Set.of(provider.getConnectionString().split(","))));
        }
    }
}
