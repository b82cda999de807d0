import java.io.BufferedReader;
import java.io.InputStreamReader;

/** The members that this program is tried on: whoever runs it restarts them on request. */
final class Ensemble {
    private static final BufferedReader ANSWERS = new BufferedReader(new InputStreamReader(System.in));

    private Ensemble() {}

    /** Asks for a fault; gives the member that was meant, as HOST:PORT. */
    static synchronized String ask(String request) throws Exception {
        System.out.println("@" + request);
        String answer = ANSWERS.readLine();
        Check.that(answer != null && answer.startsWith("done "), "an answer to " + request);
        return answer.substring("done ".length());
    }

    /** Restarts the leader, then the member that has a session, first killed and then told to stop. */
    static void restartUnder(String session) throws Exception {
        ask("restart leader");
        ask("restart " + session);
        String stopped = ask("stop " + session);
        ask("start " + stopped);
    }

    /** Says that all went as it should. */
    static void done() {
        System.out.println("all is well");
        System.out.flush();
        // Threads of a client may still run.
        System.exit(0);
    }
}
