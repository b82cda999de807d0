import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.state.ConnectionState;

/** What one puts in, the other gets, in order. */
final class Queues {
    private static final int COUNT = 20;

    private Queues() {}

    static void use(CuratorFramework one, CuratorFramework other, String root) throws Exception {
        BlockingQueue<String> got = new LinkedBlockingQueue<>();
        try (DistributedQueue<String> in = queue(one, null, root + "/queue");
                DistributedQueue<String> out = queue(other, got, root + "/queue")) {
            in.start();
            out.start();
            List<String> expected = new ArrayList<>(), found = new ArrayList<>();
            for (int number = 0; number < COUNT; number++) {
                in.put("item " + number);
                expected.add("item " + number);
            }
            while (found.size() < COUNT) {
                String item = got.poll(30, TimeUnit.SECONDS);
                Check.that(item != null, "an item after " + found);
                found.add(item);
            }
            Check.same(expected, found, "items");
        }
        SimpleDistributedQueue simple = new SimpleDistributedQueue(one, root + "/simple");
        SimpleDistributedQueue same = new SimpleDistributedQueue(other, root + "/simple");
        simple.offer("x".getBytes());
        Check.same("x", new String(same.poll(30, TimeUnit.SECONDS)), "an item");
        Frameworks.sync(one);
        Check.same(null, simple.peek(), "what is left");
    }

    private static DistributedQueue<String> queue(CuratorFramework of, BlockingQueue<String> into,
            String path) {
        QueueConsumer<String> consumer = into == null ? null : new QueueConsumer<>() {
            @Override
            public void consumeMessage(String message) {
                into.add(message);
            }

            @Override
            public void stateChanged(CuratorFramework client, ConnectionState state) {}
        };
        QueueSerializer<String> text = new QueueSerializer<>() {
            @Override
            public byte[] serialize(String item) {
                return item.getBytes();
            }

            @Override
            public String deserialize(byte[] bytes) {
                return new String(bytes);
            }
        };
        return QueueBuilder.builder(of, consumer, text, path).buildQueue();
    }
}
