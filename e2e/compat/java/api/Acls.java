import java.util.Collections;
import java.util.List;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;
import org.apache.zookeeper.server.auth.DigestAuthenticationProvider;

/** Who may do what. */
final class Acls {
    private Acls() {}

    static void use(Session stranger, String connect, String root) throws Exception {
        String path = root + "/mine", readable = root + "/readable";
        try (Session owner = new Session(connect)) {
            owner.zk.addAuthInfo("digest", "user:secret".getBytes());
            owner.zk.create(path, "x".getBytes(), Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
            Id user = new Id("digest", DigestAuthenticationProvider.generateDigest("user:secret"));
            List<ACL> expected = Collections.singletonList(new ACL(Perms.ALL, user));
            Check.same(expected, owner.zk.getACL(path, new Stat()), "who owns it");
            owner.create(readable, "x");
            Stat stat = owner.zk.setACL(readable, Ids.READ_ACL_UNSAFE, 0);
            Check.same(1, stat.getAversion(), "the version of a list");
        }
        stranger.sync();
        Class<KeeperException.NoAuthException> denied = KeeperException.NoAuthException.class;
        Check.fails(denied, () -> stranger.get(path));
        Check.fails(denied, () -> stranger.zk.setData(path, new byte[0], -1));
        Check.fails(denied, () -> stranger.create(path + "/child", ""));
        Check.fails(denied, () -> stranger.zk.setACL(path, Ids.OPEN_ACL_UNSAFE, -1));
        Check.same("x", stranger.get(readable), "what all may read");
        Check.fails(denied, () -> stranger.zk.setData(readable, new byte[0], -1));
        Check.fails(KeeperException.InvalidACLException.class, () -> stranger.zk.create(
                root + "/none", new byte[0], Collections.emptyList(), CreateMode.PERSISTENT));
        // The same user in another session.
        stranger.zk.addAuthInfo("digest", "user:secret".getBytes());
        Check.same("x", stranger.get(path), "one's own");
    }
}
