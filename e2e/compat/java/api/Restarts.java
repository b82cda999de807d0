import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.data.Stat;

/** What has to outlast members that are killed and started again. */
final class Restarts {
    private Restarts() {}

    static void survive(String connect, String all, String root) throws Exception {
        try (Session one = new Session(connect); Session other = new Session(all)) {
            long session = one.zk.getSessionId();
            String data = root + "/data", made = root + "/made", list = root + "/list";
            String still = root + "/still", alive = root + "/alive";
            for (String path : new String[] {data, list, still}) {
                other.create(path, "");
            }
            one.sync();
            one.create(alive, CreateMode.EPHEMERAL);
            one.zk.getData(data, true, null);
            one.zk.exists(made, true);
            one.zk.getChildren(list, true);
            one.zk.getData(still, true, null);

            Writer writer = new Writer(all, root);
            Ensemble.restartUnder(one.id());

            // Changes while the client is away are told once it is back, and each of them once.
            String down = Ensemble.ask("kill " + one.id());
            other.settle();
            other.set(data, "1");
            other.set(data, "2");
            other.create(made, "");
            other.create(list + "/child", "");
            Ensemble.ask("start " + down);
            one.settle();
            one.expectAll("NodeDataChanged " + data, "NodeCreated " + made, "NodeChildrenChanged " + list);
            other.settle();
            other.set(still, "1");
            other.set(still, "2");
            one.expect("NodeDataChanged " + still);
            writer.verify(one);
            one.quiet(root + "/marker");

            Check.that(!one.expired() && !other.expired(), "no session has expired");
            Check.same(session, one.zk.getSessionId(), "the session");
            Stat stat = one.zk.exists(alive, false);
            Check.that(stat != null && stat.getEphemeralOwner() == session, "the ephemeral znode is there");
            one.close();
            Check.until("it goes with its session", () -> other.zk.exists(alive, false) == null);
        }
    }
}
