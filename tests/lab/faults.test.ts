import { describe, expect, it } from "vitest";
import { faults, findFault } from "../../lab/faults";
import { schema as leafSpineSchema, planLeafSpine } from "../../stacks/leaf-spine";
import { lab } from "./labs";

const fabric = planLeafSpine(leafSpineSchema.parse({}));

describe("the faults of a lab", () => {
    it("are named by two devices in either order", () => {
        expect(findFault(fabric, "link:leaf0-spine0")).toEqual(findFault(fabric, "link:spine0-leaf0"));
        expect(findFault(fabric, "link:leaf0-spine0")).toEqual({
            kind: "link",
            ends: [
                { device: "spine0", interface: "eth1" },
                { device: "leaf0", interface: "eth1" },
            ],
        });
    });

    it("take one port of a bridge, which the others on it do not notice", () => {
        const { ends } = findFault(fabric, "link:clab-bgp-worker-br-leaf0") as { readonly ends: readonly unknown[] };
        expect(ends).toEqual([{ device: "clab-bgp-worker", interface: "net0" }]);
    });

    it("take all sessions between two devices, at the router's end", () => {
        const dualStack = lab();
        const [router] = Object.keys(dualStack.routers);
        const worker = Object.keys(dualStack.cluster.nodes)[1]!;
        expect(findFault(dualStack, `session:${router}-${worker}`)).toEqual({
            kind: "session",
            sessions: [
                { device: router, neighbor: "10.9.2.2" },
                { device: router, neighbor: "fd00:9:0:2::2" },
            ],
        });
    });

    it("kill a daemon that is named without a manner", () => {
        expect(findFault(fabric, "daemon:leaf0")).toEqual(findFault(fabric, "daemon:leaf0:killed"));
        expect(findFault(fabric, "daemon:clab-bgp-worker:frozen")).toMatchObject({ program: "cilium" });
    });

    it("are listed when a name is none of them", () => {
        expect(() => findFault(fabric, "link:leaf0-leaf1")).toThrow(
            /no fault "link:leaf0-leaf1"; there are .*link:leaf0-spine1/,
        );
        expect(() => findFault(fabric, "cable")).toThrow(/node:spine0/);
    });

    it("have one name each way, so that none hides another", () => {
        const devices = new Set(
            [...faults(fabric)].flatMap(([, fault]) => (fault.kind === "node" ? [fault.device] : [])),
        );
        expect([...devices].sort()).toEqual(
            [...Object.keys(fabric.routers), ...Object.keys(fabric.hosts), ...Object.keys(fabric.cluster.nodes)].sort(),
        );
    });
});
