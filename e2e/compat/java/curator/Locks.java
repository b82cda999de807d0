import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.locks.InterProcessMultiLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;

/** Two clients that exclude each other. */
final class Locks {
    private Locks() {}

    static void use(CuratorFramework one, CuratorFramework other, String root) throws Exception {
        mutex(one, other, root + "/mutex");
        readWrite(one, other, root + "/rw");
        semaphore(one, other, root + "/semaphore");
    }

    private static void mutex(CuratorFramework one, CuratorFramework other, String path) throws Exception {
        InterProcessMutex mine = new InterProcessMutex(one, path);
        InterProcessMutex theirs = new InterProcessMutex(other, path);
        mine.acquire();
        mine.acquire();
        Check.that(!theirs.acquire(100, TimeUnit.MILLISECONDS), "a held lock is not given");
        mine.release();
        Check.that(mine.isAcquiredInThisProcess(), "a lock is held until it is released as often");
        mine.release();
        Check.that(theirs.acquire(30, TimeUnit.SECONDS), "a free lock is given");
        theirs.release();

        InterProcessSemaphoreMutex simple = new InterProcessSemaphoreMutex(one, path + "-simple");
        InterProcessMultiLock both = new InterProcessMultiLock(java.util.List.of(mine, simple));
        both.acquire();
        Check.that(!theirs.acquire(100, TimeUnit.MILLISECONDS), "each lock of several is held");
        both.release();
    }

    private static void readWrite(CuratorFramework one, CuratorFramework other, String path)
            throws Exception {
        InterProcessReadWriteLock mine = new InterProcessReadWriteLock(one, path);
        InterProcessReadWriteLock theirs = new InterProcessReadWriteLock(other, path);
        mine.readLock().acquire();
        Check.that(theirs.readLock().acquire(30, TimeUnit.SECONDS), "readers share");
        Check.that(!theirs.writeLock().acquire(100, TimeUnit.MILLISECONDS), "no writer beside readers");
        theirs.readLock().release();
        mine.readLock().release();
        Check.that(theirs.writeLock().acquire(30, TimeUnit.SECONDS), "a writer alone");
        Check.that(!mine.readLock().acquire(100, TimeUnit.MILLISECONDS), "no reader beside a writer");
        theirs.writeLock().release();
    }

    private static void semaphore(CuratorFramework one, CuratorFramework other, String path)
            throws Exception {
        InterProcessSemaphoreV2 mine = new InterProcessSemaphoreV2(one, path, 2);
        InterProcessSemaphoreV2 theirs = new InterProcessSemaphoreV2(other, path, 2);
        Lease first = mine.acquire();
        Lease second = theirs.acquire(30, TimeUnit.SECONDS);
        Check.that(second != null, "as many leases as there are");
        Check.that(mine.acquire(100, TimeUnit.MILLISECONDS) == null, "and no more");
        theirs.returnLease(second);
        Lease third = mine.acquire(30, TimeUnit.SECONDS);
        Check.that(third != null, "a returned lease is given");
        mine.returnLease(first);
        mine.returnLease(third);
    }
}
