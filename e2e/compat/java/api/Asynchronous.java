import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.ZooDefs.Ids;

/** Many requests under way, answered in the order in which they were made. */
final class Asynchronous {
    private static final int COUNT = 500;

    private Asynchronous() {}

    static void use(Session one, String root) throws Exception {
        String path = root + "/async";
        one.create(path, "");
        List<Integer> order = Collections.synchronizedList(new ArrayList<>());
        List<Integer> wrong = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch done = new CountDownLatch(3 * COUNT);
        for (int number = 0; number < COUNT; number++) {
            int place = 3 * number;
            String child = path + "/" + number;
            one.zk.create(child, new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT,
                    (rc, at, ctx, name) -> note(rc, place, order, wrong, done), null);
            // A read sees what the same session wrote before.
            one.zk.getData(child, false,
                    (rc, at, ctx, data, stat) -> note(rc, place + 1, order, wrong, done), null);
            one.zk.delete(child, 0,
                    (rc, at, ctx) -> note(rc, place + 2, order, wrong, done), null);
        }
        Check.that(done.await(60, TimeUnit.SECONDS), "all are answered");
        Check.same(Collections.emptyList(), wrong, "failed requests");
        List<Integer> sorted = new ArrayList<>(order);
        Collections.sort(sorted);
        Check.same(sorted, order, "the order of answers");
        Check.same(Collections.emptyList(), one.zk.getChildren(path, false), "what is left");
    }

    private static void note(int rc, int place, List<Integer> order, List<Integer> wrong,
            CountDownLatch done) {
        order.add(place);
        if (rc != 0) {
            wrong.add(place);
        }
        done.countDown();
    }
}
