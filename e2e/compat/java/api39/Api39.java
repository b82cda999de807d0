/** What has come to the client since 3.5, and all of before: java Api39 CONNECT ALL ROOT. */
public final class Api39 {
    private Api39() {}

    public static void main(String[] args) throws Exception {
        String connect = args[0], all = args[1], root = args[2];
        Api.run(connect, all, root);
        try (Session one = new Session(connect); Session other = new Session(all)) {
            other.sync();
            Reads.use(one, root);
            PersistentWatches.use(one, other, root);
            PersistentWatches.survive(one, other, all, root);
        }
        Ensemble.done();
    }
}
