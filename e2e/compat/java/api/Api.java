/** Uses an ensemble for all that the client has had since 3.5: java Api CONNECT ALL ROOT. */
public final class Api {
    private Api() {}

    public static void main(String[] args) throws Exception {
        run(args[0], args[1], args[2]);
        Ensemble.done();
    }

    static void run(String connect, String all, String root) throws Exception {
        try (Session one = new Session(connect); Session other = new Session(all)) {
            one.create(root, "");
            other.sync();
            Znodes.use(one, other, root);
            Modes.use(one, other, root);
            Multis.use(one, root);
            Asynchronous.use(one, root);
            Watches.use(one, other, all, root);
            Acls.use(one, connect, root);
            Config.use(one, all);
        }
        Restarts.survive(connect, all, root);
    }
}
