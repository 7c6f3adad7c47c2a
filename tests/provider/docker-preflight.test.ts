import { describe, expect, it } from "vitest";
import { type Engine, EngineError } from "../../provider/docker/engine";
import { preflight } from "../../provider/docker/preflight";

const inputs = { networks: {}, containers: [], images: ["an-image:1"] };

function engineOf(answers: Partial<Engine>): Engine {
    const unasked = () => Promise.reject(new Error("nobody asks this"));
    return { address: "tcp://engine", ...answers, imageObstacle: unasked } as Engine;
}

describe("what would make a lab fail on an engine", () => {
    it("is one thing where no engine answers", async () => {
        const failing = () =>
            Promise.reject(new EngineError("not-running", "no Docker engine answers at tcp://engine"));
        const engine = engineOf({ containers: failing, networks: failing, hasImage: failing });
        expect(await preflight("lab", inputs, engine)).toEqual([
            { property: "networks", reason: "no Docker engine answers at tcp://engine" },
        ]);
    });

    it("is asked for all at once", async () => {
        const asked = new Map<string, (answer: never) => void>();
        const question = (name: string) => () => new Promise<never>((answer) => asked.set(name, answer));
        const engine = engineOf({
            containers: question("containers"),
            networks: question("networks"),
            hasImage: question("hasImage"),
        });
        const failures = preflight("lab", inputs, engine);
        expect([...asked.keys()].sort()).toEqual(["containers", "hasImage", "networks"]);
        for (const [name, answer] of asked) {
            answer((name === "hasImage" || []) as never);
        }
        expect(await failures).toEqual([]);
    });
});
