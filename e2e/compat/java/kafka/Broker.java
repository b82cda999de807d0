import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.zookeeper.data.Stat;

/** Uses a broker while the ensemble below it restarts: java Broker HOST:PORT ALL. */
public final class Broker {
    private static final int COUNT = 100;

    private Broker() {}

    public static void main(String[] args) throws Exception {
        String address = args[0], all = args[1];
        try (Session zk = new Session(all); Admin admin = Admin.create(Map.of("bootstrap.servers", address))) {
            Check.until("the broker is registered", () -> zk.zk.exists("/brokers/ids/0", false) != null);
            long session = owner(zk);
            use(admin, address, "before");

            Ensemble.restartUnder("0x" + Long.toHexString(session));
            for (String member : all.split(",")) {
                Ensemble.ask("restart " + member);
                zk.settle();
                use(admin, address, "after-" + member.replace(':', '-'));
            }
            Check.same(session, owner(zk), "the broker's session");
            Set<String> topics = admin.listTopics().names().get(60, TimeUnit.SECONDS);
            Check.same(4, topics.size(), "topics " + topics);
            admin.deleteTopics(Set.of("before")).all().get(60, TimeUnit.SECONDS);
            Check.until("a deleted topic is gone", () ->
                    zk.zk.exists("/brokers/topics/before", false) == null);
        }
        Ensemble.done();
    }

    private static long owner(Session zk) throws Exception {
        Stat stat = zk.zk.exists("/brokers/ids/0", false);
        Check.that(stat != null, "the broker is registered");
        return stat.getEphemeralOwner();
    }

    /** Makes a topic; what is produced to it comes out of it again. */
    private static void use(Admin admin, String address, String topic) throws Exception {
        admin.createTopics(List.of(new NewTopic(topic, 2, (short) 1))).all().get(60, TimeUnit.SECONDS);
        Set<String> sent = new java.util.TreeSet<>(), got = new java.util.TreeSet<>();
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", address, "acks", "all"),
                new StringSerializer(), new StringSerializer())) {
            List<java.util.concurrent.Future<?>> acknowledged = new ArrayList<>();
            for (int number = 0; number < COUNT; number++) {
                sent.add("record " + number);
                acknowledged.add(producer.send(new ProducerRecord<>(topic, "" + number, "record " + number)));
            }
            for (java.util.concurrent.Future<?> one : acknowledged) {
                one.get(60, TimeUnit.SECONDS);
            }
        }
        // A group, so that the broker's own topic of offsets is made as well.
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", address, "group.id", "readers", "auto.offset.reset", "earliest"),
                new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(Set.of(topic));
            long deadline = System.nanoTime() + 60_000_000_000L;
            while (got.size() < COUNT) {
                Check.that(System.nanoTime() < deadline, "all records, after " + got.size());
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                    got.add(record.value());
                }
            }
        }
        Check.same(sent, got, "records");
    }
}
