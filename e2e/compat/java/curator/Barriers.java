import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;

/** Clients that wait for each other. */
final class Barriers {
    private Barriers() {}

    static void use(CuratorFramework one, CuratorFramework other, String root) throws Exception {
        DistributedBarrier barrier = new DistributedBarrier(one, root + "/single");
        barrier.setBarrier();
        Frameworks.sync(other);
        DistributedBarrier theirs = new DistributedBarrier(other, root + "/single");
        Check.that(!theirs.waitOnBarrier(100, TimeUnit.MILLISECONDS), "a barrier holds");
        CompletableFuture<Boolean> passed = CompletableFuture.supplyAsync(() -> {
            try {
                return theirs.waitOnBarrier(30, TimeUnit.SECONDS);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        barrier.removeBarrier();
        Check.that(passed.get(), "a barrier that is removed lets through");

        DistributedDoubleBarrier mine = new DistributedDoubleBarrier(one, root + "/double", 2);
        DistributedDoubleBarrier second = new DistributedDoubleBarrier(other, root + "/double", 2);
        CompletableFuture<Boolean> through = CompletableFuture.supplyAsync(() -> {
            try {
                return second.enter(30, TimeUnit.SECONDS) && second.leave(30, TimeUnit.SECONDS);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        Check.that(mine.enter(30, TimeUnit.SECONDS), "both enter");
        Check.that(mine.leave(30, TimeUnit.SECONDS), "both leave");
        Check.that(through.get(), "the other does, too");
    }
}
