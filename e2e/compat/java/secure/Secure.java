import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.client.ZKClientConfig;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.ClientInfo;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/** TLS with certificates and SASL DIGEST-MD5: Secure SECURE PLAIN ROOT FOLDER NAME. */
final class Secure {
    private static String folder;

    private Secure() {}

    /** A session, and who the server takes it for. */
    private static final class Client implements AutoCloseable {
        final ZooKeeper zk;

        /** `section` is of the JAAS file, null for none. */
        Client(String connect, boolean tls, String section) throws Exception {
            ZKClientConfig config = new ZKClientConfig();
            config.setProperty(ZKClientConfig.ENABLE_CLIENT_SASL_KEY, String.valueOf(section != null));
            if (section != null) {
                config.setProperty(ZKClientConfig.LOGIN_CONTEXT_NAME_KEY, section);
            }
            if (tls) {
                config.setProperty(ZKClientConfig.ZOOKEEPER_CLIENT_CNXN_SOCKET,
                        "org.apache.zookeeper.ClientCnxnSocketNetty");
                config.setProperty(ZKClientConfig.SECURE_CLIENT, "true");
                for (String[] store : new String[][] {{"keyStore", "client.pem"}, {"trustStore", "ca.pem"}}) {
                    config.setProperty("zookeeper.ssl." + store[0] + ".location", folder + "/" + store[1]);
                    config.setProperty("zookeeper.ssl." + store[0] + ".type", "PEM");
                }
            }
            CountDownLatch ready = new CountDownLatch(1);
            KeeperState awaited = section == null ? KeeperState.SyncConnected : KeeperState.SaslAuthenticated;
            zk = new ZooKeeper(connect, Session.TIMEOUT, event -> {
                if (event.getType() == EventType.None && event.getState() == awaited) {
                    ready.countDown();
                }
            }, false, config);
            boolean wrong = "Wrong".equals(section);
            if (wrong) {
                return;
            }
            Check.that(ready.await(60, TimeUnit.SECONDS), awaited + " at " + connect);
        }

        List<String> ids() throws Exception {
            List<String> ids = new ArrayList<>();
            for (ClientInfo info : zk.whoAmI()) {
                ids.add(info.getAuthScheme() + ":" + info.getUser());
            }
            Collections.sort(ids);
            return ids;
        }

        @Override
        public void close() throws Exception {
            zk.close();
        }
    }

    public static void main(String[] args) throws Exception {
        String secure = args[0];
        String plain = args[1];
        String root = args[2];
        folder = args[3];
        String name = args[4];
        try (Client bob = new Client(secure, true, null);
                Client nobody = new Client(plain, false, null);
                Client user = new Client(plain, false, "Client");
                Client both = new Client(secure, true, "Client")) {
            Check.same(List.of("ip:127.0.0.1", "x509:" + name), bob.ids(), "with a certificate");
            Check.same(List.of("ip:127.0.0.1"), nobody.ids(), "with nothing");
            Check.same(List.of("ip:127.0.0.1", "sasl:bob"), user.ids(), "with a password");
            Check.same(List.of("ip:127.0.0.1", "sasl:bob", "x509:" + name), both.ids(), "with both");

            bob.zk.create(root, new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            bob.zk.create(root + "/x509", new byte[0], Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
            List<ACL> list = List.of(new ACL(Perms.ALL, new Id("x509", name)));
            Check.same(list, bob.zk.getACL(root + "/x509", new Stat()), "the list of a certificate");
            user.zk.sync(root, (code, path, context) -> {}, null);
            user.zk.create(root + "/sasl", new byte[0], Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
            list = List.of(new ACL(Perms.ALL, new Id("sasl", "bob")));
            Check.same(list, user.zk.getACL(root + "/sasl", new Stat()), "the list of a user");

            Check.fails(KeeperException.NoAuthException.class, () -> nobody.zk.getData(root + "/x509", false, null));
            Check.fails(KeeperException.NoAuthException.class, () -> nobody.zk.getData(root + "/sasl", false, null));
            Check.fails(KeeperException.NoAuthException.class, () -> user.zk.getData(root + "/x509", false, null));
            List<ACL> bad = Collections.singletonList(new ACL(Perms.ALL, new Id("x509", "nobody")));
            Check.fails(KeeperException.InvalidACLException.class,
                    () -> bob.zk.create(root + "/bad", new byte[0], bad, CreateMode.PERSISTENT));
            try (Client wrong = new Client(plain, false, "Wrong")) {
                Check.fails(KeeperException.class, () -> wrong.zk.getData(root, false, null));
            }

            long session = both.zk.getSessionId();
            Ensemble.ask("restart " + plain);
            Check.until("the session is back with all its ids", () -> {
                try {
                    both.zk.getData(root + "/x509", false, null);
                    both.zk.getData(root + "/sasl", false, null);
                    return true;
                } catch (KeeperException.ConnectionLossException lost) {
                    return false;
                }
            });
            Check.same(session, both.zk.getSessionId(), "the session");
        }
        Ensemble.done();
    }
}
