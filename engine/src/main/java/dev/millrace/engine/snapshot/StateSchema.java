package dev.millrace.engine.snapshot;

import java.io.Serializable;

/**
 * What the entries of one of an operator's states hold, for those who read a snapshot without the query. The columns
 * are in the words of whoever made the operator; the engine only keeps them.
 *
 * @param index which of the operator's states, as in its {@link SectionKey}s
 * @param name what the state is called, such as {@code left}
 * @param key the columns of an entry's key
 * @param subKey the columns of what tells apart the entries of one key; without meaning but for {@link Kind#MAP}
 * @param value the columns of an entry's value
 */
public record StateSchema(int index, String name, Kind kind, String key, String subKey, String value)
        implements Serializable {
    /** What there is under a key. */
    public enum Kind {
        /** One entry. */
        VALUE,
        /** Entries in the order in which they came. */
        LIST,
        /** An entry for each sub-key. */
        MAP,
        /** The sessions of a group, as {@code GroupSessions} lays them out. */
        SESSIONS,
        /** Times, each a sub-key: milliseconds since 1970-01-01T00:00:00Z, 8 bytes, the most significant first. */
        TIMES
    }

    public StateSchema {
        if (index < 0) {
            throw new IllegalArgumentException("Cannot describe a state: index=%d. Count from 0.".formatted(index));
        }
    }
}
