/** Who the members are, as clients can read it. */
final class Config {
    private Config() {}

    static void use(Session one, String all) throws Exception {
        String config = new String(one.zk.getConfig(false, null));
        for (String member : all.split(",")) {
            Check.that(config.contains(":participant;" + member), member + " is in " + config);
        }
        Check.that(config.contains("version="), "a version is in " + config);
    }
}
