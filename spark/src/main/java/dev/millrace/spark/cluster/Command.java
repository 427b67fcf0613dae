package dev.millrace.spark.cluster;

import dev.millrace.engine.network.LinkSettings;
import dev.millrace.spark.network.WorkerTransport.Address;
import java.util.List;

/**
 * What the driver tells a worker. All but {@link Retire}, {@link End} and {@link Probe} belong to one attempt, a life of a
 * query's dataflow, and come in the order in which they were sent.
 *
 * <p>Layout: incarnation 8 | kind 1 | attempt, text | the record's other fields in their order; see {@link
 * FieldWriter}.
 */
sealed interface Command {
    /** The life of a dataflow that this is about; no two ever have the same name. */
    String attempt();

    /**
     * Builds this worker's part, and answers {@link WorkerReport.Deployed}.
     *
     * @param worker its number among those of the attempt
     * @param workers where each of them is connected to
     * @param loopCount loops of each
     * @param artifacts what code of the user's may need
     * @param deployment what is to run, as {@code Deployment} made it
     */
    record Deploy(
            String attempt,
            int worker,
            List<Address> workers,
            int loopCount,
            LinkSettings links,
            SessionArtifacts artifacts,
            byte[] deployment)
            implements Command {}

    /** Connects to the workers before it, once all are deployed; answers {@link WorkerReport.Connected}. */
    record Connect(String attempt) implements Command {}

    /** Lets the tasks run. */
    record Start(String attempt) implements Command {}

    /**
     * Asks reading tasks for a barrier.
     *
     * @param ofPortions whether those that read portions, or all others
     */
    record Barrier(String attempt, long epoch, boolean isLast, boolean ofPortions) implements Command {}

    /** A bounded epoch begins; answers {@link WorkerReport.Begun}. @see dev.millrace.engine.operator.EpochTime#begin */
    record Begin(String attempt, long epoch, long epochMillis, long watermarkMicros) implements Command {}

    /**
     * The worker's share of a portion.
     *
     * @param share as bytes of Spark's closure serializer, as Spark's own tasks get theirs
     * @see dev.millrace.engine.source.PortionTarget#portion
     */
    record Portion(String attempt, int stageId, byte[] share) implements Command {}

    /** @see dev.millrace.engine.source.PortionTarget#endEpoch */
    record EndEpoch(String attempt, int stageId, long epoch, long portion) implements Command {}

    /** @see dev.millrace.engine.source.PortionTarget#settled */
    record Settled(String attempt, int stageId, long portion, long reachedMicros) implements Command {}

    /** Ends all that belongs to the attempt, if there is anything; answers {@link WorkerReport.Stopped}. */
    record Stop(String attempt) implements Command {}

    /** The driver does not count the worker among its own any more: all it runs ends, and it registers anew. */
    record Retire() implements Command {
        @Override
        public String attempt() {
            return "";
        }
    }

    /** The worker's task is to end. */
    record End() implements Command {
        @Override
        public String attempt() {
            return "";
        }
    }

    /**
     * Looks whether another worker can be connected to; answers {@link WorkerReport.Reached}, or nothing.
     *
     * @param peer where it is connected to
     * @param peerIncarnation who it is
     */
    record Probe(Address peer, long peerIncarnation) implements Command {
        @Override
        public String attempt() {
            return "";
        }
    }

    /** @param incarnation the worker that it is for */
    default byte[] toBytes(long incarnation) {
        FieldWriter to = new FieldWriter().number(incarnation);
        if (this instanceof Deploy deploy) {
            FieldWriter deployed = to.kind(1)
                    .text(deploy.attempt())
                    .number(deploy.worker())
                    .list(deploy.workers(), (writer, address) -> writer.text(address.host())
                            .number(address.port()))
                    .number(deploy.loopCount())
                    .flag(deploy.links().compresses())
                    .number(deploy.links().silenceLimitNanos());
            deploy.artifacts().write(deployed);
            return deployed.bytes(deploy.deployment()).toBytes();
        } else if (this instanceof Barrier barrier) {
            return to.kind(4)
                    .text(barrier.attempt())
                    .number(barrier.epoch())
                    .flag(barrier.isLast())
                    .flag(barrier.ofPortions())
                    .toBytes();
        } else if (this instanceof Probe probe) {
            return to.kind(8)
                    .text("")
                    .text(probe.peer().host())
                    .number(probe.peer().port())
                    .number(probe.peerIncarnation())
                    .toBytes();
        }
        return isOfPortions() ? ofPortions(to) : plain(to);
    }

    private boolean isOfPortions() {
        return this instanceof Begin || this instanceof Portion || this instanceof EndEpoch || this instanceof Settled;
    }

    private byte[] ofPortions(FieldWriter to) {
        if (this instanceof Begin begin) {
            return to.kind(9)
                    .text(begin.attempt())
                    .number(begin.epoch())
                    .number(begin.epochMillis())
                    .number(begin.watermarkMicros())
                    .toBytes();
        } else if (this instanceof Portion portion) {
            return to.kind(10)
                    .text(portion.attempt())
                    .number(portion.stageId())
                    .bytes(portion.share())
                    .toBytes();
        } else if (this instanceof EndEpoch end) {
            return to.kind(11)
                    .text(end.attempt())
                    .number(end.stageId())
                    .number(end.epoch())
                    .number(end.portion())
                    .toBytes();
        }
        Settled settled = (Settled) this;
        return to.kind(12)
                .text(settled.attempt())
                .number(settled.stageId())
                .number(settled.portion())
                .number(settled.reachedMicros())
                .toBytes();
    }

    private byte[] plain(FieldWriter to) {
        int kind = this instanceof Connect ? 2 : this instanceof Start ? 3 : this instanceof Stop ? 5 : 6;
        return to.kind(this instanceof End ? 7 : kind).text(attempt()).toBytes();
    }

    /** A command and whom it is for. */
    record Sent(long incarnation, Command command) {}

    static Sent fromBytes(byte[] message) {
        FieldReader from = new FieldReader(message);
        long incarnation = from.longNumber();
        int kind = from.kind();
        String attempt = from.text();
        Command command =
                switch (kind) {
                    case 1 ->
                        new Deploy(
                                attempt,
                                from.number(),
                                from.list(2 * Integer.BYTES, field -> new Address(field.text(), field.number())),
                                from.number(),
                                new LinkSettings(from.flag(), from.longNumber()),
                                SessionArtifacts.read(from),
                                from.bytes());
                    case 2 -> new Connect(attempt);
                    case 3 -> new Start(attempt);
                    case 4 -> new Barrier(attempt, from.longNumber(), from.flag(), from.flag());
                    case 5 -> new Stop(attempt);
                    case 6 -> new Retire();
                    case 7 -> new End();
                    case 8 -> new Probe(new Address(from.text(), from.number()), from.longNumber());
                    case 9 -> new Begin(attempt, from.longNumber(), from.longNumber(), from.longNumber());
                    case 10 -> new Portion(attempt, from.number(), from.bytes());
                    case 11 -> new EndEpoch(attempt, from.number(), from.longNumber(), from.longNumber());
                    case 12 -> new Settled(attempt, from.number(), from.longNumber(), from.longNumber());
                    default -> throw from.malformed("command of kind=%d".formatted(kind));
                };
        from.end();
        return new Sent(incarnation, command);
    }
}
