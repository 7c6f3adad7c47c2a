import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { namedDevices } from "../../lab/devices";
import type { Lab } from "../../lab/model";
import { dockerPrefix, wiringSpec } from "../../render/docker";
import { wiringFile } from "../../render/wiring";
import { expectGolden } from "../golden";
import { lab } from "./labs";

/** What each device of a lab is told, under its name. */
function wirings(model: Lab): string {
    return [...namedDevices(model)]
        .map(([device]) => {
            const shared = device in model.cluster.nodes;
            return `# ${device}\n${wiringFile({ ...wiringSpec(model, device, "lab"), shared })}\n`;
        })
        .join("\n");
}

describe("the wiring of containers", () => {
    it("is, for single-frr, the golden one", () => {
        expectGolden(join(__dirname, "golden", "wiring.txt"), wirings(lab()));
    });

    it("ends on each node, and nowhere else, what no service takes of any pool", () => {
        const pools = [
            { name: "first", blocks: ["10.254.0.0/24", "fd00:10:254::/64"] },
            { name: "second", blocks: ["10.253.7.0/24"] },
        ];
        const model = lab({ pools });
        for (const [device] of namedDevices(model)) {
            const { routes } = wiringSpec(model, device, "lab");
            const ends = Object.entries(routes).filter(([, route]) => "blackhole" in route);
            const blocks = device in model.cluster.nodes ? pools.flatMap((pool) => pool.blocks) : [];
            expect(ends.map(([prefix]) => prefix)).toEqual(blocks);
        }
    });

    it("is the same text whatever the order of what it is made of", () => {
        const spec = { ...wiringSpec(lab(), "router0", "lab"), shared: false };
        const interfaces = Object.fromEntries(Object.entries(spec.interfaces).reverse());
        expect(Object.keys(interfaces).length).toBeGreaterThan(1);
        expect(wiringFile({ ...spec, interfaces })).toBe(wiringFile(spec));
    });

    it.each(["eth1", "veth0", "moved2"])(
        "refuses the interface name %s, which Docker or the script may give",
        (name) => {
            const model = lab();
            const client = model.hosts.client0!;
            const interfaces = client.interfaces.map((each) => ({ ...each, name }));
            const renamed = { ...model, hosts: { client0: { ...client, interfaces } } };
            expect(() => wiringSpec(renamed, "client0", "lab")).toThrow(
                `client0: an interface cannot be called ${name}`,
            );
        },
    );
});

describe("the prefix of a stack's names", () => {
    it("is project and stack where they are plain and short", () => {
        expect(dockerPrefix("bgp-lab", "single-frr")).toBe("bgp-lab-single-frr");
    });

    it("differs between stacks that only special characters, or the end of a long name, tell apart", () => {
        const long = "x".repeat(60);
        const stacks = ["a.b", "a_b", "A-b", "a-b", `${long}1`, `${long}2`];
        const prefixes = stacks.map((stack) => dockerPrefix("bgp-lab", stack));
        expect(new Set(prefixes).size).toBe(stacks.length);
        for (const prefix of prefixes) {
            expect(prefix).toMatch(/^[a-z0-9][a-z0-9-]{0,39}$/);
        }
    });
});
