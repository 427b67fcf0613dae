package dev.millrace.bench.workload;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** A record of the input topic; see {@link TransactionRows}. {@code created} is in microseconds since 1970. */
public record Transaction(
        int card, double amount, String merchant, String country, long created, long payment, int step) {
    private static final JsonFactory JSON = new JsonFactory();

    public byte[] toJson() {
        return ("{\"card\":" + card + ",\"amount\":" + amount + ",\"merchant\":\"" + merchant + "\",\"country\":\""
                        + country + "\",\"created\":" + created + ",\"payment\":" + payment + ",\"step\":" + step + "}")
                .getBytes(StandardCharsets.UTF_8);
    }

    public static Transaction parse(byte[] json) throws IOException {
        int card = 0;
        double amount = 0;
        String merchant = "";
        String country = "";
        long created = 0;
        long payment = 0;
        int step = 0;
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
                    case "payment" -> payment = parser.getLongValue();
                    case "step" -> step = parser.getIntValue();
                    default -> parser.skipChildren();
                }
            }
        }
        return new Transaction(card, amount, merchant, country, created, payment, step);
    }
}
