import java.util.ArrayList;
import java.util.List;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.data.Stat;

/** What kinds of znodes there are. */
final class Modes {
    private Modes() {}

    static void use(Session one, Session other, String root) throws Exception {
        List<String> names = new ArrayList<>();
        for (int number = 0; number < 3; number++) {
            names.add(one.create(root + "/n-", CreateMode.PERSISTENT_SEQUENTIAL));
        }
        for (int number = 1; number < 3; number++) {
            int before = Integer.parseInt(names.get(number - 1).substring((root + "/n-").length()));
            int after = Integer.parseInt(names.get(number).substring((root + "/n-").length()));
            Check.same(before + 1, after, "numbers rise by one");
        }

        String ephemeral = one.create(root + "/e-", CreateMode.EPHEMERAL_SEQUENTIAL);
        Stat stat = one.zk.exists(ephemeral, false);
        Check.same(one.zk.getSessionId(), stat.getEphemeralOwner(), "its owner");
        Check.fails(KeeperException.NoChildrenForEphemeralsException.class,
                () -> one.create(ephemeral + "/child", ""));

        one.create(root + "/container", CreateMode.CONTAINER);
        stat = one.zk.exists(root + "/container", false);
        Check.same(0L, stat.getEphemeralOwner(), "nobody owns a container");

        Stat created = new Stat();
        one.zk.create(root + "/ttl", "x".getBytes(), Ids.OPEN_ACL_UNSAFE,
                CreateMode.PERSISTENT_WITH_TTL, created, 3_600_000);
        Check.same(0L, created.getEphemeralOwner(), "nobody owns a znode with a TTL");
        other.sync();
        Check.same(created, other.zk.exists(root + "/ttl", false), "what create says and exists says");
    }
}
