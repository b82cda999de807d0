import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;

/** One leader at a time. */
final class Leaders {
    private Leaders() {}

    static void use(CuratorFramework one, CuratorFramework other, String root) throws Exception {
        LeaderLatch mine = new LeaderLatch(one, root + "/latch", "one");
        LeaderLatch theirs = new LeaderLatch(other, root + "/latch", "other");
        mine.start();
        Check.that(mine.await(30, TimeUnit.SECONDS), "the only one leads");
        theirs.start();
        Check.until("both are known", () -> mine.getParticipants().size() == 2);
        Check.that(mine.hasLeadership() && !theirs.hasLeadership(), "one leads");
        Check.same("one", theirs.getLeader().getId(), "who leads");
        mine.close();
        Check.that(theirs.await(30, TimeUnit.SECONDS), "the other follows");
        theirs.close();

        CountDownLatch turns = new CountDownLatch(2);
        LeaderSelector first = selector(one, root, turns), second = selector(other, root, turns);
        first.start();
        second.start();
        Check.that(turns.await(60, TimeUnit.SECONDS), "each has its turn");
        first.close();
        second.close();
    }

    private static LeaderSelector selector(CuratorFramework of, String root, CountDownLatch turns) {
        return new LeaderSelector(of, root + "/selector", new LeaderSelectorListenerAdapter() {
            @Override
            public void takeLeadership(CuratorFramework client) {
                turns.countDown();
            }
        });
    }
}
