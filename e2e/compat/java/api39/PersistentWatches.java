import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.Watcher.WatcherType;

/** Watches that stay when they fire, on a znode or on all below it. */
final class PersistentWatches {
    private PersistentWatches() {}

    static void use(Session one, Session other, String root) throws Exception {
        String path = root + "/kept", deep = root + "/deep";
        one.zk.addWatch(path, AddWatchMode.PERSISTENT);
        other.create(path, "");
        other.set(path, "1");
        other.create(path + "/child", "");
        other.set(path + "/child", "1");
        other.zk.delete(path + "/child", -1);
        other.zk.delete(path, -1);
        one.expect("NodeCreated " + path, "NodeDataChanged " + path, "NodeChildrenChanged " + path,
                "NodeChildrenChanged " + path, "NodeDeleted " + path);

        one.zk.addWatch(deep, AddWatchMode.PERSISTENT_RECURSIVE);
        other.create(deep, "");
        other.create(deep + "/a", "");
        other.create(deep + "/a/b", "");
        other.set(deep + "/a/b", "1");
        other.zk.delete(deep + "/a/b", -1);
        one.expect("NodeCreated " + deep, "NodeCreated " + deep + "/a", "NodeCreated " + deep + "/a/b",
                "NodeDataChanged " + deep + "/a/b", "NodeDeleted " + deep + "/a/b");

        one.zk.removeWatches(deep, one, WatcherType.Any, false);
        one.expect("PersistentWatchRemoved " + deep);
        other.set(deep, "2");
        one.sync();
        one.quiet(root + "/marker");
    }

    static void survive(Session one, Session other, String all, String root) throws Exception {
        String path = root + "/kept", deep = root + "/deep";
        one.zk.addWatch(deep, AddWatchMode.PERSISTENT_RECURSIVE);
        // A new leader of ZooKeeper's has a zxid that a member forgets when it restarts before the next
        // write; it then refuses clients that have seen that zxid.
        String writes = root + "/writes";
        other.create(writes, "");
        Writer writer = new Writer(all, writes);
        Ensemble.restartUnder(one.id());
        one.settle();
        writer.verify(one);
        other.settle();
        other.create(path, "");
        other.set(deep + "/a", "2");
        other.create(deep + "/c", "");
        one.expect("NodeCreated " + path, "NodeDataChanged " + deep + "/a", "NodeCreated " + deep + "/c");
        one.sync();
        one.quiet(root + "/marker");
    }
}
