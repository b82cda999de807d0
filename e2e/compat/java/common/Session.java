import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;

/** A session that keeps what its watches tell. */
final class Session implements Watcher, AutoCloseable {
    static final int TIMEOUT = 40_000;

    final ZooKeeper zk;
    private final CountDownLatch connected = new CountDownLatch(1);
    private final BlockingQueue<String> events = new LinkedBlockingQueue<>();
    private volatile boolean expired;

    Session(String connect) throws Exception {
        zk = new ZooKeeper(connect, TIMEOUT, this);
        Check.that(connected.await(60, TimeUnit.SECONDS), "a session of " + connect);
    }

    @Override
    public void process(WatchedEvent event) {
        if (event.getType() != Event.EventType.None) {
            events.add(event.getType() + " " + event.getPath());
        } else if (event.getState() == Event.KeeperState.SyncConnected) {
            connected.countDown();
        } else if (event.getState() == Event.KeeperState.Expired) {
            expired = true;
        }
    }

    /** As it is written in messages. */
    String id() {
        return "0x" + Long.toHexString(zk.getSessionId());
    }

    boolean expired() {
        return expired;
    }

    String create(String path, String data) throws Exception {
        return zk.create(path, data.getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    }

    String create(String path, CreateMode mode) throws Exception {
        return zk.create(path, new byte[0], Ids.OPEN_ACL_UNSAFE, mode);
    }

    String get(String path) throws Exception {
        return new String(zk.getData(path, false, null));
    }

    void set(String path, String data) throws Exception {
        zk.setData(path, data.getBytes(), -1);
    }

    /** Waits until this server has all that any server has acknowledged. */
    void sync() throws Exception {
        int[] code = {1};
        CountDownLatch done = new CountDownLatch(1);
        zk.sync("/", (rc, path, ctx) -> {
            code[0] = rc;
            done.countDown();
        }, null);
        Check.that(done.await(60, TimeUnit.SECONDS), "a sync ends");
        if (code[0] != 0) {
            throw KeeperException.create(KeeperException.Code.get(code[0]));
        }
    }

    /** Waits until the connection is there again and there is a leader. */
    void settle() throws Exception {
        Check.until("the connection is there again", () -> {
            try {
                sync();
                return true;
            } catch (KeeperException.ConnectionLossException e) {
                return false;
            }
        });
    }

    /** What watches tell next, in this order. */
    void expect(String... expected) throws Exception {
        Check.same(Arrays.asList(expected), take(expected.length), "events");
    }

    /** What watches tell next, in any order. */
    void expectAll(String... expected) throws Exception {
        List<String> wanted = new ArrayList<>(Arrays.asList(expected));
        List<String> found = take(expected.length);
        Collections.sort(wanted);
        Collections.sort(found);
        Check.same(wanted, found, "events");
    }

    /** That nothing was told which was not expected: what comes next is about another znode. */
    void quiet(String marker) throws Exception {
        if (zk.exists(marker, false) == null) {
            create(marker, "");
        }
        zk.getData(marker, true, null);
        set(marker, "");
        expect("NodeDataChanged " + marker);
    }

    private List<String> take(int count) throws Exception {
        List<String> found = new ArrayList<>();
        while (found.size() < count) {
            String event = events.poll(30, TimeUnit.SECONDS);
            Check.that(event != null, "an event after " + found);
            found.add(event);
        }
        return found;
    }

    @Override
    public void close() throws Exception {
        zk.close();
    }
}
