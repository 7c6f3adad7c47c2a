import { beforeEach, describe, expect, it } from "vitest";
import type { FabricInputs, NamespaceSpec } from "../../provider/schema";
import { device, link, run, useSandbox } from "./lab";

/** A client behind a router, and an outside that has no route back to it. */
function fabric(sourceNat?: NamespaceSpec["sourceNat"]): FabricInputs {
    return {
        sandbox: "",
        namespaces: {
            client: {
                ...device({ addresses: { eth0: ["10.1.0.2/24", "fd00:1::2/64"] } }),
                routes: { "0.0.0.0/0": { via: "10.1.0.1" }, "::/0": { via: "fd00:1::1" } },
            },
            router: {
                ...device({
                    addresses: { in0: ["10.1.0.1/24", "fd00:1::1/64"], out0: ["192.0.2.1/24", "2001:db8::1/64"] },
                }),
                ...(sourceNat === undefined ? {} : { sourceNat }),
            },
            outside: device({ addresses: { eth0: ["192.0.2.2/24", "2001:db8::2/64"] } }),
        },
        links: {
            inner: link("client:eth0", "router:in0"),
            outer: link("router:out0", "outside:eth0"),
        },
        bridges: {},
    };
}

const nat = [
    { interface: "out0", source: "10.1.0.0/16" },
    { interface: "out0", source: "fd00:1::/32" },
];

describe("source translation of a router", () => {
    const sandbox = useSandbox("source-nat");
    const apply = (inputs: FabricInputs) => sandbox().call("applyFabric", { fabric: inputs });
    const drift = async (inputs: FabricInputs) => (await sandbox().call("inspectFabric", { fabric: inputs })).drift;
    const ping = async (address: string) =>
        (await sandbox().call("ping", { namespace: "client", address, timeoutMilliseconds: 500 })).kind;

    beforeEach(() => apply(fabric(nat)));

    it("hides sources of both families behind the interface that packets leave by", async () => {
        expect([await ping("192.0.2.2"), await ping("2001:db8::2")]).toEqual(["answer", "answer"]);
        expect(await drift(fabric(nat))).toEqual([]);
    });

    it("is not there unless it is asked for, and goes when it is not any more", async () => {
        await apply(fabric());
        expect([await ping("192.0.2.2"), await ping("2001:db8::2")]).toEqual(["timeout", "timeout"]);
        expect(await run(sandbox(), "router", "nft", "list", "ruleset")).toBe("");
    });

    it("is reported when someone removed its rules, and healed", async () => {
        await run(sandbox(), "router", "nft", "flush", "ruleset");
        expect(await drift(fabric(nat))).toEqual([
            { path: "namespaces.router.sourceNat", found: expect.stringContaining("source translation of router") },
        ]);
        await apply(fabric(nat));
        expect(await drift(fabric(nat))).toEqual([]);
        expect(await ping("192.0.2.2")).toBe("answer");
    });

    it("is refused where there is no such interface or network, with both places", async () => {
        const wrong = fabric([
            { interface: "out9", source: "10.1.0.0/16" },
            { interface: "out0", source: "10.1/16" },
        ]);
        await expect(apply(wrong)).rejects.toThrow("namespaces.router.sourceNat[1].source: ");
        await expect(apply(wrong)).rejects.toThrow(
            "namespaces.router.sourceNat[0]: no link or bridge ends at interface out9",
        );
    });
});
