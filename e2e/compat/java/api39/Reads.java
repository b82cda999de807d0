import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.data.ClientInfo;

/** Reads that the client learned after 3.5. */
final class Reads {
    private Reads() {}

    static void use(Session one, String root) throws Exception {
        String path = root + "/reads";
        one.create(path, "x");
        one.create(path + "/child", "");
        one.create(path + "/child/e", CreateMode.EPHEMERAL);
        Check.same(2, one.zk.getAllChildrenNumber(path), "descendants");
        Check.same(Collections.singletonList(path + "/child/e"), one.zk.getEphemerals(path), "ephemerals");

        List<OpResult> results = one.zk.multi(Arrays.asList(
                Op.getData(path), Op.getChildren(path), Op.getData(path + "/missing")));
        Check.same("x", new String(((OpResult.GetDataResult) results.get(0)).getData()), "data");
        Check.same(Collections.singletonList("child"),
                ((OpResult.GetChildrenResult) results.get(1)).getChildren(), "children");
        Check.same(KeeperException.Code.NONODE.intValue(),
                ((OpResult.ErrorResult) results.get(2)).getErr(), "what is missing");

        one.zk.addAuthInfo("digest", "user:secret".getBytes());
        List<ClientInfo> infos = one.zk.whoAmI();
        Check.that(infos.stream().anyMatch(it -> it.getAuthScheme().equals("digest")
                && it.getUser().equals("user")), "who one is: " + infos);
    }
}
