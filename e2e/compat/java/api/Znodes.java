import java.util.Collections;
import java.util.List;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.data.Stat;

/** Reads, writes, and how they fail. */
final class Znodes {
    private Znodes() {}

    static void use(Session one, Session other, String root) throws Exception {
        String path = root + "/znode";
        one.create(path, "first");
        Stat made = one.zk.exists(path, false);
        Check.same(made.getCzxid(), made.getMzxid(), "nothing has changed it");
        Check.same(5, made.getDataLength(), "its length");
        Stat set = one.zk.setData(path, "second".getBytes(), 0);
        Check.same(1, set.getVersion(), "a first write's version");
        Check.that(set.getMzxid() > made.getMzxid(), "zxids rise");
        other.sync();
        Check.same("second", other.get(path), "another session's read");
        Check.same("second", one.get(path), "one's own read");

        Check.fails(KeeperException.NodeExistsException.class, () -> one.create(path, ""));
        Check.fails(KeeperException.NoNodeException.class, () -> one.create(root + "/no/parent", ""));
        Check.fails(KeeperException.BadVersionException.class,
                () -> one.zk.setData(path, new byte[0], 7));
        one.create(path + "/child", "");
        Check.fails(KeeperException.NotEmptyException.class, () -> {
            one.zk.delete(path, -1);
            return null;
        });
        Stat parent = new Stat();
        List<String> children = one.zk.getChildren(path, false, parent);
        Check.same(Collections.singletonList("child"), children, "children");
        Check.same(1, parent.getNumChildren(), "their number");
        Check.same(1, parent.getCversion(), "the version of the list");
        one.zk.delete(path + "/child", 0);
        one.zk.delete(path, 1);
        Check.same(null, one.zk.exists(path, false), "what was deleted");
        Check.fails(KeeperException.NoNodeException.class, () -> one.get(path));

        // As much as fits into a request by default.
        byte[] much = new byte[1_000_000];
        one.create(path, "");
        one.zk.setData(path, much, -1);
        Check.same(much.length, one.zk.getData(path, false, null).length, "a long value");
        one.zk.setData(path, null, -1);
        byte[] none = one.zk.getData(path, false, null);
        Check.that(none == null || none.length == 0, "no value");
    }
}
