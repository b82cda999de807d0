import java.util.Objects;
import java.util.concurrent.Callable;

/** What has to be so. */
final class Check {
    private Check() {}

    static void that(boolean truth, String what) {
        if (!truth) {
            throw new AssertionError("not so: " + what);
        }
    }

    static void same(Object expected, Object found, String what) {
        that(Objects.equals(expected, found), what + ": expected " + expected + ", found " + found);
    }

    /** That a call fails so. */
    static void fails(Class<? extends Exception> error, Callable<?> call) throws Exception {
        Object result;
        try {
            result = call.call();
        } catch (Exception thrown) {
            if (error.isInstance(thrown)) {
                return;
            }
            throw thrown;
        }
        throw new AssertionError("no " + error.getSimpleName() + ", but " + result);
    }

    /** Waits until it is so. */
    static void until(String what, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (!condition.call()) {
            that(System.nanoTime() < deadline, what);
            Thread.sleep(20);
        }
    }
}
