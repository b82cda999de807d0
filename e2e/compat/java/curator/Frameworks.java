import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.retry.RetryForever;

/** Clients as applications make them. */
final class Frameworks {
    private Frameworks() {}

    static CuratorFramework start(String connect) throws Exception {
        CuratorFramework framework = CuratorFrameworkFactory.builder().connectString(connect)
                .sessionTimeoutMs(40_000).connectionTimeoutMs(10_000).retryPolicy(new RetryForever(100))
                // Members are restarted; the list that they publish names all of them.
                .ensembleTracker(false).build();
        framework.start();
        Check.that(framework.blockUntilConnected(60, TimeUnit.SECONDS), "a connection to " + connect);
        return framework;
    }

    static String session(CuratorFramework framework) throws Exception {
        return "0x" + Long.toHexString(framework.getZookeeperClient().getZooKeeper().getSessionId());
    }

    /** Waits until this client sees all that any has done. */
    static void sync(CuratorFramework framework) throws Exception {
        framework.sync().forPath("/");
        // Answers come in the order of requests.
        framework.checkExists().forPath("/");
    }
}
