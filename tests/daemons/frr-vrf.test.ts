import { describe, expect, it } from "vitest";
import type { Bfd, BgpSpeaker, Lab, Neighbor, Router, Vrf } from "../../lab/model";
import { inspectFrr } from "../../provider/daemons/frr";
import { withVty } from "../../provider/daemons/vty";
import { routerSpec } from "../../render/embedded";
import { predict } from "../../routing/predict";
import type { Check } from "../../verify/check";
import { planChecks } from "../../verify/plan";
import { failures } from "../../verify/report";
import { verify } from "../../verify/run";
import { eventually } from "./lab";
import { runningRouters } from "./routers";
import { vrfLab } from "./vrf-lab";

const routers = runningRouters("vrf");

async function expectPredicted(lab: Lab, isAsked: (check: Check) => boolean = () => true): Promise<void> {
    const checks = planChecks(lab, predict(lab)).filter(isAsked);
    const results = await verify(checks, routers.driver, { deadlineSeconds: 20 });
    expect(failures(results)).toBe("");
}

async function drift(lab: Lab): Promise<readonly string[]> {
    return (await inspectFrr(routers.sandbox, routerSpec(lab, "router0"))).map(({ found }) => found);
}

/** The routes of a VRF by prefix, as RIB and kernel have them. */
async function routes(vrf: string): Promise<object> {
    const [rib, fib] = await Promise.all([
        routers.driver.bgpRoutes("router0", "ipv4", vrf),
        routers.driver.kernelBgpRoutes("router0", "ipv4", vrf),
    ]);
    const inFib = new Map(fib.map(({ prefix, nextHops }) => [prefix, [...nextHops].sort().join(" ")]));
    return Object.fromEntries(
        rib.map(({ prefix, nextHops }) => [prefix, [[...nextHops].sort().join(" "), inFib.get(prefix) ?? ""]]),
    );
}

function withVrfs(change: (vrf: Vrf) => Vrf, ...more: readonly Vrf[]): Lab {
    const router = vrfLab.routers.router0 as Router;
    const vrfs = [...(router.vrfs ?? []).map(change), ...more];
    return { ...vrfLab, routers: { ...vrfLab.routers, router0: { ...router, vrfs } } };
}

/** The lab with BFD on the session between one VRF and one of its peers. */
function withBfd(bfd: Bfd): Lab {
    const guard = (address: string, { bgp }: { readonly bgp: BgpSpeaker }): BgpSpeaker => ({
        ...bgp,
        neighbors: bgp.neighbors.map((neighbor): Neighbor => {
            const { session } = neighbor;
            return session.kind === "own" && neighbor.address === address
                ? { ...neighbor, session: { kind: "own", settings: { ...session.settings, bfd } } }
                : neighbor;
        }),
    });
    const lab = withVrfs((vrf) => ({ ...vrf, bgp: guard("10.0.0.1", vrf) }));
    const peer = lab.routers.metallb1 as Router;
    return { ...lab, routers: { ...lab.routers, metallb1: { ...peer, bgp: guard("10.0.0.254", peer) } } };
}

async function bfdStates(router: string, vrf: string): Promise<readonly string[]> {
    const peers = (await withVty(routers.sandbox, router, "bfdd", (bfdd) =>
        bfdd.json("show bfd peers json"),
    )) as readonly {
        readonly vrf?: string;
        readonly status?: string;
    }[];
    return peers.filter((peer) => peer.vrf === vrf).map(({ status = "" }) => status);
}

/** Moments at which the sessions of a VRF came up, in seconds of the clock. */
async function upSince(vrf: string): Promise<ReadonlyMap<string, number>> {
    const sessions = await routers.driver.sessions("router0", vrf);
    return new Map(sessions.map(({ neighbor, uptime }) => [neighbor, Date.now() / 1_000 - uptime]));
}

async function expectUninterrupted(vrf: string, before: ReadonlyMap<string, number>): Promise<void> {
    const now = await upSince(vrf);
    for (const [neighbor, moment] of before) {
        expect(Math.abs((now.get(neighbor) ?? 0) - moment), `${vrf} ${neighbor}`).toBeLessThan(2.5);
    }
}

describe("a router with VRFs", () => {
    it("holds in each VRF what the lab of Calico beside MetalLB shows, and what is predicted", async () => {
        await routers.apply(vrfLab);
        await expectPredicted(vrfLab);
        const own = (prefix: string) => [prefix, ["0.0.0.0", ""]] as const;
        const fromCalico = ["0.0.0.0", "k8s-calico"];
        const fromMetalLb = ["0.0.0.0", "k8s-metallb"];
        expect(await routes("k8s-metallb")).toEqual({
            ...Object.fromEntries(["1.1.1.1/32", "10.0.0.0/24"].map(own)),
            "1.1.1.2/32": fromCalico,
            "10.0.1.0/24": fromCalico,
            "10.100.0.0/32": ["10.0.0.1 10.0.0.11", "10.0.0.1 10.0.0.11"],
            "192.168.1.0/26": ["10.0.0.2", "10.0.0.2"],
            "192.168.2.0/26": ["10.0.0.12", "10.0.0.12"],
        });
        expect(await routes("k8s-calico")).toEqual({
            ...Object.fromEntries(["1.1.1.2/32", "10.0.1.0/24"].map(own)),
            "1.1.1.1/32": fromMetalLb,
            "10.0.0.0/24": fromMetalLb,
            "10.100.0.0/32": ["10.0.0.1", "k8s-metallb"],
            "192.168.1.0/26": ["10.0.0.2", "k8s-metallb"],
            "192.168.2.0/26": ["10.0.0.12", "k8s-metallb"],
        });
        expect(await drift(vrfLab)).toEqual([]);
    });

    it("lets a client in one VRF reach what is in the other", async () => {
        await routers.apply(vrfLab);
        const answers = () => routers.driver.ping("client", "10.0.0.1", 1_000);
        await eventually(answers, ({ kind }) => kind === "answer");
    });

    it("finds and heals what someone changed in a VRF", async () => {
        await routers.apply(vrfLab);
        await withVty(routers.sandbox, "router0", "bgpd", (bgpd) =>
            bgpd.ask(["configure terminal", "router bgp 65000 vrf k8s-calico", "no neighbor 10.0.0.2", "end"]),
        );
        expect(await drift(vrfLab)).toContain(
            "bgpd: missing: router bgp 65000 vrf k8s-calico / neighbor 10.0.0.2 remote-as 65002",
        );
        await routers.apply(vrfLab);
        expect(await drift(vrfLab)).toEqual([]);
        await expectPredicted(vrfLab);
    });

    it("takes another import, another VRF and its end live, and no session of the others is reset", async () => {
        await routers.apply(vrfLab);
        await expectPredicted(vrfLab);
        const before = await upSince("k8s-metallb");
        const third: Vrf = {
            ...((vrfLab.routers.router0 as Router).vrfs?.[1] as Vrf),
            name: "guests",
            routeDistinguisher: "65000:3",
            importTargets: ["65000:1"],
            exportTargets: ["65000:3"],
            staticRoutes: [{ prefix: "10.77.0.0/16", via: { kind: "blackhole" } }],
        };
        const quiet = {
            ...third.bgp,
            routerId: "1.0.0.3",
            neighbors: [],
            families: [{ family: "ipv4" as const, redistribute: ["static" as const], networks: [] }],
        };
        const more = withVrfs(
            (vrf) => (vrf.name === "k8s-metallb" ? { ...vrf, importTargets: [...vrf.importTargets, "65000:3"] } : vrf),
            { ...third, bgp: quiet },
        );
        await routers.apply(more);
        await expectPredicted(more);
        expect(await routes("k8s-metallb")).toMatchObject({ "10.77.0.0/16": ["0.0.0.0", "guests"] });
        await routers.apply(vrfLab);
        await expectPredicted(vrfLab);
        expect(await drift(vrfLab)).toEqual([]);
        await expectUninterrupted("k8s-metallb", before);
    });

    it("runs bfdd where a session asks for it, in a VRF too, and ends it where none does any more", async () => {
        const bfd = { detectMultiplier: 3, receiveInterval: 200, transmitInterval: 200 };
        const guarded = withBfd(bfd);
        await routers.apply(guarded);
        await eventually(
            () => bfdStates("router0", "k8s-metallb"),
            (states) => states.join() === "up",
        );
        expect(await drift(guarded)).toEqual([]);
        await routers.apply(vrfLab);
        const { daemons } = await routers.sandbox.call("daemons", {});
        expect(daemons.filter(({ name: daemon }) => daemon.startsWith("bfdd"))).toEqual([]);
        await expectPredicted(vrfLab);
    });

    it("is a router without VRFs again, and one with VRFs after that", async () => {
        const router = vrfLab.routers.router0 as Router;
        const interfaces = router.interfaces.map(({ vrf: _, ...own }) => own);
        const plain: Lab = {
            ...vrfLab,
            routers: { ...vrfLab.routers, router0: { ...router, interfaces, vrfs: [] } },
        };
        await routers.apply(plain);
        expect(await drift(plain)).toEqual([]);
        // Peers hold their sessions with what is gone until their hold time is over.
        await expectPredicted(plain, ({ kind }) => kind !== "down-session");
        await routers.apply(vrfLab);
        await expectPredicted(vrfLab);
    });
});
