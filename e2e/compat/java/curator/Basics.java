import java.util.List;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.api.transaction.CuratorOp;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.data.Stat;

/** Parents that are made along the way, protected creation, transactions. */
final class Basics {
    private Basics() {}

    static void use(CuratorFramework one, String root) throws Exception {
        one.create().creatingParentContainersIfNeeded().forPath(root + "/a/b/c", "x".getBytes());
        Check.same("x", new String(one.getData().forPath(root + "/a/b/c")), "data");
        one.create().orSetData().forPath(root + "/a/b/c", "y".getBytes());
        Check.same("y", new String(one.getData().forPath(root + "/a/b/c")), "data set by create");
        String guarded = one.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL)
                .forPath(root + "/a/guarded-");
        Check.that(guarded.contains("_c_"), "a protected name " + guarded);
        Stat stat = new Stat();
        one.create().withTtl(3_600_000).storingStatIn(stat)
                .withMode(CreateMode.PERSISTENT_WITH_TTL).forPath(root + "/ttl");
        Check.that(stat.getCzxid() > 0, "what create says");

        List<CuratorTransactionResult> results = one.transaction().forOperations(
                one.transactionOp().create().forPath(root + "/t", "1".getBytes()),
                one.transactionOp().check().withVersion(0).forPath(root + "/t"),
                one.transactionOp().setData().forPath(root + "/t", "2".getBytes()),
                one.transactionOp().delete().withVersion(1).forPath(root + "/t"));
        Check.same(4, results.size(), "results");
        CuratorOp made = one.transactionOp().create().forPath(root + "/u");
        CuratorOp missing = one.transactionOp().delete().forPath(root + "/missing");
        Check.fails(KeeperException.NoNodeException.class,
                () -> one.transaction().forOperations(made, missing));
        Check.same(null, one.checkExists().forPath(root + "/u"), "what was undone");
        one.delete().guaranteed().deletingChildrenIfNeeded().forPath(root);
        Check.same(null, one.checkExists().forPath(root), "what was deleted");
    }
}
