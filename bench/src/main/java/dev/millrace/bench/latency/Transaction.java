package dev.millrace.bench.latency;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** The records of the input topic. {@code created} is in microseconds since 1970. */
record Transaction(int card, double amount, String merchant, String country, long created) {
    private static final JsonFactory JSON = new JsonFactory();

    byte[] toJson() {
        return ("{\"card\":" + card + ",\"amount\":" + amount + ",\"merchant\":\"" + merchant + "\",\"country\":\""
                        + country + "\",\"created\":" + created + "}")
                .getBytes(StandardCharsets.UTF_8);
    }

    static Transaction parse(byte[] json) throws IOException {
        int card = 0;
        double amount = 0;
        String merchant = "";
        String country = "";
        long created = 0;
        try (JsonParser parser = JSON.createParser(json)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String field = parser.currentName();
                parser.nextToken();
                switch (field) {
                    case "card" -> card = parser.getIntValue();
                    case "amount" -> amount = parser.getDoubleValue();
                    case "merchant" -> merchant = parser.getText();
                    case "country" -> country = parser.getText();
                    case "created" -> created = parser.getLongValue();
                    default -> parser.skipChildren();
                }
            }
        }
        return new Transaction(card, amount, merchant, country, created);
    }
}
