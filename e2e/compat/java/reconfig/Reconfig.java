import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.admin.ZooKeeperAdmin;
import org.apache.zookeeper.data.Stat;

/** Makes five members of three, and three of five: java Reconfig MEMBERS LINES. */
public final class Reconfig {
    private static final String CHANGED = "NodeDataChanged /zookeeper/config";

    private final ZooKeeperAdmin admin;
    private long version;
    private String text;

    private Reconfig(String members) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        admin = new ZooKeeperAdmin(members, Session.TIMEOUT, event -> {
            if (event.getState() == KeeperState.SyncConnected) {
                connected.countDown();
            }
        });
        Check.that(connected.await(60, TimeUnit.SECONDS), "a session of " + members);
        read();
    }

    public static void main(String[] args) throws Exception {
        String[] members = args[0].split(","), lines = args[1].split(",");
        Reconfig reconfig = new Reconfig(args[0]);
        reconfig.refusals(lines[0]);
        List<Session> sessions = new ArrayList<>();
        List<String> addresses = new ArrayList<>();
        for (String member : members) {
            sessions.add(new Session(member));
            addresses.add(member);
        }
        for (String line : lines) {
            reconfig.change(line, null, null, sessions);
            String address = line.substring(line.indexOf(';') + 1);
            Check.that(reconfig.text.contains(":participant;" + address), line + " in " + reconfig.text);
            sessions.add(new Session(address));
            addresses.add(address);
            reconfig.seen(sessions.get(sessions.size() - 1));
        }

        // The leader goes, and one more with it.
        String leader = Ensemble.ask("find leader");
        int first = addresses.indexOf(leader), second = first == 4 ? 3 : 4;
        String other = addresses.get(second);
        List<String> leaving = new ArrayList<>(), stay = new ArrayList<>();
        for (String line : reconfig.text.split("\n")) {
            boolean goes = line.endsWith(";" + leader) || line.endsWith(";" + other);
            if (line.startsWith("server.")) {
                (goes ? leaving : stay).add(line);
            }
        }
        List<Session> rest = new ArrayList<>();
        for (int at = 0; at < sessions.size(); at++) {
            if (at == first || at == second) {
                sessions.get(at).close();
            } else {
                rest.add(sessions.get(at));
            }
        }
        reconfig.change(null, id(leaving.get(0)) + "," + id(leaving.get(1)), null, rest);
        Check.same(4, reconfig.text.split("\n").length, "lines of " + reconfig.text);

        // One of them is back, in a list of all.
        String back = leaving.get(1);
        stay.add(back);
        reconfig.change(null, null, String.join(",", stay), rest);
        Check.that(reconfig.text.contains(back), back + " in " + reconfig.text);
        try (Session session = new Session(back.substring(back.indexOf(';') + 1))) {
            reconfig.seen(session);
        }
        for (Session session : rest) {
            Check.that(!session.expired(), "no session has expired");
            session.close();
        }
        reconfig.admin.close();
        Ensemble.done();
    }

    private static String id(String line) {
        return line.substring("server.".length(), line.indexOf('='));
    }

    private void read() throws Exception {
        Stat stat = new Stat();
        take(admin.getConfig(false, stat), stat);
    }

    private void take(byte[] data, Stat stat) {
        text = new String(data);
        version = stat.getMzxid();
        Check.that(text.endsWith("\nversion=" + Long.toHexString(version)), "a version below " + text);
        Check.same(-1, stat.getVersion(), "the znode's own version");
    }

    private byte[] ask(String joining, String leaving, String members, long from, Stat stat) throws Exception {
        return admin.reconfigure(joining, leaving, members, from, stat);
    }

    private void refusals(String line) throws Exception {
        String before = text;
        Check.fails(KeeperException.NoAuthException.class, () -> ask(null, "3", null, -1, new Stat()));
        admin.addAuthInfo("digest", "super:secret".getBytes());
        Check.fails(KeeperException.BadVersionException.class, () -> ask(line, null, null, version + 1, new Stat()));
        for (List<String> wrong : Arrays.asList(Arrays.asList("server.4=nonsense", null, null),
                Arrays.asList(null, "1,2", null), Arrays.asList(null, null, "nonsense"))) {
            Check.fails(KeeperException.BadArgumentsException.class,
                    () -> ask(wrong.get(0), wrong.get(1), wrong.get(2), -1, new Stat()));
        }
        read();
        Check.same(before, text, "the configuration");
    }

    /** Changes the members; what became of it is not known after a lost connection. */
    private void change(String joining, String leaving, String members, List<Session> watching) throws Exception {
        for (Session session : watching) {
            session.settle();
            session.zk.getConfig(true, null);
        }
        long before = version;
        while (version == before) {
            try {
                Stat stat = new Stat();
                take(ask(joining, leaving, members, before, stat), stat);
            } catch (KeeperException.ConnectionLossException unknown) {
                Check.until("the connection is there again", () -> {
                    try {
                        read();
                        return true;
                    } catch (KeeperException.ConnectionLossException e) {
                        return false;
                    }
                });
            }
        }
        for (Session session : watching) {
            session.expect(CHANGED);
            seen(session);
        }
    }

    private void seen(Session session) throws Exception {
        session.settle();
        Check.same(text, new String(session.zk.getConfig(false, null)), "the configuration there");
    }
}
