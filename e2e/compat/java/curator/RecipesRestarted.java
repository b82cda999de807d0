import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.zookeeper.CreateMode;

/** Who holds something goes on holding it while members restart. */
final class RecipesRestarted {
    private RecipesRestarted() {}

    static void survive(String connect, String all, String root) throws Exception {
        try (CuratorFramework one = Frameworks.start(connect); CuratorFramework other = Frameworks.start(all)) {
            String session = Frameworks.session(one);
            InterProcessMutex mine = new InterProcessMutex(one, root + "/mutex");
            InterProcessMutex theirs = new InterProcessMutex(other, root + "/mutex");
            mine.acquire();
            LeaderLatch latch = new LeaderLatch(one, root + "/latch", "one");
            latch.start();
            Check.that(latch.await(30, TimeUnit.SECONDS), "it leads");
            other.create().creatingParentsIfNeeded().forPath(root + "/tree/a", "0".getBytes());
            PersistentNode node = new PersistentNode(one, CreateMode.EPHEMERAL, false, root + "/kept",
                    new byte[0]);
            node.start();
            Check.that(node.waitForInitialCreate(30, TimeUnit.SECONDS), "it is made");
            TreeCache tree = TreeCache.newBuilder(one, root + "/tree").build();
            tree.start();
            Check.until("the tree", () -> tree.getCurrentData(root + "/tree/a") != null);
            long made = one.checkExists().forPath(root + "/kept").getCzxid();

            Ensemble.restartUnder(session);
            String down = Ensemble.ask("kill " + session);
            other.setData().forPath(root + "/tree/a", "1".getBytes());
            Ensemble.ask("start " + down);

            Check.until("what was missed shows", () -> "1".equals(
                    Caches.text(tree.getCurrentData(root + "/tree/a").getData())));
            Check.same(session, Frameworks.session(one), "the session");
            Check.that(!theirs.acquire(100, TimeUnit.MILLISECONDS), "the lock is still held");
            mine.release();
            Check.that(theirs.acquire(60, TimeUnit.SECONDS), "then it is given");
            theirs.release();
            Check.until("it leads again", latch::hasLeadership);
            Check.same(made, one.checkExists().forPath(root + "/kept").getCzxid(), "the same znode");
            tree.close();
            node.close();
            latch.close();
        }
    }
}
