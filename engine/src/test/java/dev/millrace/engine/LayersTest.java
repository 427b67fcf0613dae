package dev.millrace.engine;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Imports run downwards only: each room of the engine may use those before it in this list. */
class LayersTest {
    private static final List<String> ROOMS = List.of(
            "error",
            "metrics",
            "page",
            "stream",
            "exchange",
            "network",
            "snapshot",
            "state",
            "source",
            "sink",
            "operator",
            "task",
            "epoch",
            "graph");

    private final JavaClasses classes = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.millrace.engine");

    @Test
    void everyRoomUsesOnlyRoomsBelowIt() {
        var layers = layeredArchitecture().consideringOnlyDependenciesInLayers();
        for (String room : ROOMS) {
            layers = layers.layer(room).definedBy("dev.millrace.engine." + room);
        }
        for (int i = 0; i < ROOMS.size(); i++) {
            layers = i == ROOMS.size() - 1
                    ? layers.whereLayer(ROOMS.get(i)).mayNotBeAccessedByAnyLayer()
                    : layers.whereLayer(ROOMS.get(i))
                            .mayOnlyBeAccessedByLayers(
                                    ROOMS.subList(i + 1, ROOMS.size()).toArray(String[]::new));
        }
        layers.check(classes);
    }

    @Test
    void knowsNeitherSparkNorKafka() {
        ArchRuleDefinition.noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.apache..", "scala..")
                .check(classes);
    }
}
