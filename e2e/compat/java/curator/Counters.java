import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.atomic.PromotedToLock;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.retry.RetryNTimes;

/** Numbers that clients share. */
final class Counters {
    private static final int ROUNDS = 20;

    private Counters() {}

    static void use(CuratorFramework one, CuratorFramework other, String root) throws Exception {
        try (SharedCount mine = new SharedCount(one, root + "/shared", 7);
                SharedCount theirs = new SharedCount(other, root + "/shared", 0)) {
            mine.start();
            Check.same(7, mine.getCount(), "the first value");
            theirs.start();
            Check.until("both see it", () -> theirs.getCount() == 7);
            theirs.setCount(8);
            Check.until("one sees what the other set", () -> mine.getCount() == 8);
            Check.that(mine.trySetCount(mine.getVersionedValue(), 9), "the right version");
        }

        Thread[] adders = new Thread[2];
        CuratorFramework[] clients = {one, other};
        for (int at = 0; at < 2; at++) {
            DistributedAtomicLong number = number(clients[at], root);
            adders[at] = new Thread(() -> {
                try {
                    for (int round = 0; round < ROUNDS; round++) {
                        if (!number.increment().succeeded()) {
                            round--;
                        }
                    }
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            });
            adders[at].start();
        }
        for (Thread adder : adders) {
            adder.join();
        }
        Frameworks.sync(one);
        Check.same(2L * ROUNDS, number(one, root).get().postValue(), "the sum");
    }

    private static DistributedAtomicLong number(CuratorFramework of, String root) {
        PromotedToLock lock = PromotedToLock.builder().lockPath(root + "/lock")
                .retryPolicy(new RetryNTimes(100, 10)).build();
        return new DistributedAtomicLong(of, root + "/number", new RetryNTimes(3, 10), lock);
    }
}
