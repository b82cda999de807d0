import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.zookeeper.CreateMode;

/** Znodes that a client keeps there, whoever deletes them. */
final class Nodes {
    private Nodes() {}

    static void use(CuratorFramework one, CuratorFramework other, String root) throws Exception {
        String path = root + "/kept";
        try (PersistentNode node = new PersistentNode(one, CreateMode.EPHEMERAL, false, path,
                "x".getBytes())) {
            node.start();
            Check.that(node.waitForInitialCreate(30, TimeUnit.SECONDS), "it is made");
            Frameworks.sync(other);
            long first = other.checkExists().forPath(path).getCzxid();
            other.delete().forPath(path);
            Check.until("it is made again", () -> other.checkExists().forPath(path) != null
                    && other.checkExists().forPath(path).getCzxid() > first);
            node.setData("y".getBytes());
            Check.until("its data", () -> new String(other.getData().forPath(path)).equals("y"));
        }
        Check.until("it goes", () -> other.checkExists().forPath(path) == null);

        try (PersistentTtlNode node = new PersistentTtlNode(one, root + "/ttl", 60_000, new byte[0])) {
            node.start();
            Check.that(node.waitForInitialCreate(30, TimeUnit.SECONDS), "it is made");
        }

        GroupMember mine = new GroupMember(one, root + "/group", "one");
        GroupMember theirs = new GroupMember(other, root + "/group", "other");
        mine.start();
        theirs.start();
        Check.until("both are seen", () -> mine.getCurrentMembers().keySet()
                .equals(java.util.Set.of("one", "other")));
        theirs.close();
        Check.until("one is gone", () -> mine.getCurrentMembers().size() == 1);
        mine.close();
    }
}
