import java.util.ArrayList;
import java.util.List;
import org.apache.zookeeper.KeeperException;

/** Creates one znode after the other until it is told to stop, and knows which were acknowledged. */
final class Writer extends Thread {
    private final Session session;
    private final String root;
    private final List<String> acknowledged = new ArrayList<>();
    private volatile boolean stop;
    private volatile Exception failure;

    Writer(String connect, String root) throws Exception {
        session = new Session(connect);
        this.root = root;
        // A program that has failed must not wait for it.
        setDaemon(true);
        start();
    }

    @Override
    public void run() {
        try {
            for (int number = 0; !stop; number++) {
                try {
                    acknowledged.add(session.create(root + "/w" + number, ""));
                } catch (KeeperException.ConnectionLossException unknown) {
                    // Nobody knows what became of it: it is not repeated.
                }
                Thread.sleep(10);
            }
        } catch (Exception e) {
            failure = e;
        }
    }

    /** Stops, and looks through another session for all that was acknowledged. */
    void verify(Session reader) throws Exception {
        stop = true;
        join();
        if (failure != null) {
            throw failure;
        }
        session.close();
        reader.settle();
        Check.that(!acknowledged.isEmpty(), "something was written");
        for (String path : acknowledged) {
            Check.that(reader.zk.exists(path, false) != null, path + " was acknowledged, and is there");
        }
    }
}
