import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher.WatcherType;

/** One event for each watch that was armed, and none for those that were removed. */
final class Watches {
    private Watches() {}

    static void use(Session one, Session other, String all, String root) throws Exception {
        String path = root + "/watched", marker = root + "/marker";
        one.zk.exists(path, true);
        other.create(path, "");
        one.expect("NodeCreated " + path);

        one.zk.getData(path, true, null);
        one.zk.exists(path, true);
        other.set(path, "1");
        other.set(path, "2");
        one.expect("NodeDataChanged " + path);

        one.zk.getChildren(path, true);
        other.create(path + "/child", "");
        one.expect("NodeChildrenChanged " + path);

        one.zk.getChildren(path, true);
        one.zk.getData(path, true, null);
        other.zk.delete(path + "/child", -1);
        other.zk.delete(path, -1);
        // A child watch that has fired is gone; the deletion is told once.
        one.expect("NodeChildrenChanged " + path, "NodeDeleted " + path);
        one.sync();
        one.quiet(marker);

        // What an ephemeral's end tells.
        try (Session dying = new Session(all)) {
            dying.create(path, CreateMode.EPHEMERAL);
            one.sync();
            one.zk.exists(path, true);
        }
        one.expect("NodeDeleted " + path);

        removed(one, other, path);
        one.sync();
        one.quiet(marker);
    }

    private static void removed(Session one, Session other, String path) throws Exception {
        other.create(path, "");
        one.sync();
        one.zk.getData(path, one, null);
        one.zk.getChildren(path, one);
        one.zk.removeWatches(path, one, WatcherType.Data, false);
        one.expect("DataWatchRemoved " + path);
        other.set(path, "3");
        other.create(path + "/child", "");
        one.expect("NodeChildrenChanged " + path);
        one.zk.getChildren(path, one);
        one.zk.removeAllWatches(path, WatcherType.Any, false);
        one.expect("ChildWatchRemoved " + path);
        Check.fails(KeeperException.NoWatcherException.class, () -> {
            one.zk.removeWatches(path, one, WatcherType.Any, false);
            return null;
        });
        other.zk.delete(path + "/child", -1);
        other.zk.delete(path, -1);
    }
}
