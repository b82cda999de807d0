import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.cache.NodeCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.cache.TreeCache;

/** Copies of a subtree that follow it: those built on one-shot watches. */
final class Caches {
    private Caches() {}

    @SuppressWarnings("deprecation")
    static void use(CuratorFramework one, CuratorFramework other, String root) throws Exception {
        other.create().creatingParentsIfNeeded().forPath(root + "/a", "1".getBytes());
        Frameworks.sync(one);
        AtomicInteger changes = new AtomicInteger();
        try (NodeCache node = new NodeCache(one, root + "/a");
                PathChildrenCache children = new PathChildrenCache(one, root, true);
                TreeCache tree = TreeCache.newBuilder(one, root).build()) {
            node.getListenable().addListener(changes::incrementAndGet);
            node.start(true);
            children.start(PathChildrenCache.StartMode.BUILD_INITIAL_CACHE);
            tree.start();
            Check.same(1, children.getCurrentData().size(), "children at the start");
            other.setData().forPath(root + "/a", "2".getBytes());
            other.create().forPath(root + "/b", "3".getBytes());
            other.create().forPath(root + "/b/c", "4".getBytes());
            Check.until("a node's data", () -> text(node.getCurrentData().getData()).equals("2"));
            Check.until("the change is told", () -> changes.get() >= 1);
            Check.until("children", () -> children.getCurrentData().size() == 2
                    && text(children.getCurrentData(root + "/a").getData()).equals("2"));
            Check.until("the tree", () -> tree.getCurrentData(root + "/b/c") != null
                    && text(tree.getCurrentData(root + "/a").getData()).equals("2"));
            other.delete().deletingChildrenIfNeeded().forPath(root + "/b");
            Check.until("a child less", () -> children.getCurrentData().size() == 1);
            Check.until("a tree without it", () -> tree.getCurrentData(root + "/b/c") == null
                    && tree.getCurrentChildren(root).size() == 1);
        }
    }

    static String text(byte[] bytes) {
        return new String(bytes);
    }
}
