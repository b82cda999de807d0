import java.util.Arrays;
import java.util.List;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.data.Stat;

/** All or nothing. */
final class Multis {
    private Multis() {}

    static void use(Session one, String root) throws Exception {
        String a = root + "/a", b = root + "/b";
        List<OpResult> done = one.zk.multi(Arrays.asList(
                Op.create(a, "1".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                Op.create(a + "/n-", new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL),
                Op.setData(a, "2".getBytes(), 0),
                Op.check(a, 1)));
        Check.same(4, done.size(), "results");
        Check.same(a + "/n-0000000000", ((OpResult.CreateResult) done.get(1)).getPath(), "a path");
        Check.same(1, ((OpResult.SetDataResult) done.get(2)).getStat().getVersion(), "a version");
        Stat stat = one.zk.exists(a, false);
        Check.same(stat.getCzxid(), stat.getMzxid(), "one zxid for all of it");

        try {
            one.zk.multi(Arrays.asList(
                    Op.create(b, new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                    Op.delete(root + "/missing", -1),
                    Op.delete(a, -1)));
            throw new AssertionError("a multi of which a part fails succeeds");
        } catch (KeeperException.NoNodeException e) {
            int[] codes = e.getResults().stream()
                    .mapToInt(it -> ((OpResult.ErrorResult) it).getErr()).toArray();
            int none = KeeperException.Code.NONODE.intValue();
            int undone = KeeperException.Code.RUNTIMEINCONSISTENCY.intValue();
            Check.that(Arrays.equals(new int[] {0, none, undone}, codes), "codes " + Arrays.toString(codes));
        }
        Check.same(null, one.zk.exists(b, false), "what was undone");

        one.zk.transaction().delete(a + "/n-0000000000", -1).delete(a, 1).commit();
        Check.same(null, one.zk.exists(a, false), "what a transaction deleted");
    }
}
