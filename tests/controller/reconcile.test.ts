import { describe, expect, it } from "vitest";
import {
    type Action,
    type ObservedPod,
    type Plan,
    type PodSelector,
    plan,
    type TargetState,
    type Terms,
} from "../../controller/reconcile";
import { gateways, pod } from "./world";

const terms: Terms = {
    settings: ({ selector }) => `settings of ${selector.name}`,
    policy: (peers) => peers.map(({ address }) => address).join(),
};

const state = (parts: Partial<TargetState> = {}): TargetState => ({
    selectors: [gateways],
    nodes: ["node2"],
    peers: [],
    policy: "",
    ...parts,
});

const marked = (address: string, of = "loadbalancer-0", selector = "gateways") => ({
    address,
    mark: `pod default/${of} of ${selector}`,
    settings: `settings of ${selector}`,
});

/** What a plan does, a line each. */
function actionsOf({ actions }: Plan): readonly string[] {
    return actions.map(lineOf);
}

function lineOf(action: Action): string {
    switch (action.kind) {
        case "remove neighbor":
            return `- ${action.address}: ${action.why}`;
        case "add neighbor":
            return `+ ${action.peer.address}: ${action.why}`;
        case "set policies":
            return `policies [${action.policy}]: ${action.why}`;
        case "set routes":
            return `routes of ${action.node} ${JSON.stringify(action.routes)}: ${action.why}`;
    }
}

const notesOf = ({ notes }: Plan) => notes.map(({ about, says }) => `${about}: ${says}`);
const none = "selector gateways: no Pod here becomes a neighbor by it";

describe("the plan for a speaker", () => {
    it("makes policies before it adds a neighbor, and removes neighbors before that", () => {
        const now = state({ peers: [marked("10.244.2.9")], policy: "10.244.2.9" });
        expect(actionsOf(plan([pod("loadbalancer-0", "node2", "10.244.2.216")], now, terms))).toEqual([
            "- 10.244.2.9: Pod default/loadbalancer-0 is now 10.244.2.216 on node2",
            "policies [10.244.2.216]: other Pods are neighbors",
            "+ 10.244.2.216: Pod default/loadbalancer-0 on node2 matches selector gateways",
        ]);
    });

    it("has nothing to do where everything is as it should be", () => {
        const routes = { node2: { "192.168.0.1/32": "10.244.2.216" } };
        const paths = [{ prefix: "192.168.0.1/32", nextHop: "10.244.2.216", neighbor: "10.244.2.216" }];
        const now = state({ peers: [marked("10.244.2.216")], policy: "10.244.2.216", paths, routes });
        expect(plan([pod("loadbalancer-0", "node2", "10.244.2.216")], now, terms)).toMatchObject({
            actions: [],
            notes: [],
        });
    });

    it.each<[string, readonly ObservedPod[], string]>([
        ["deleted", [], "Pod default/loadbalancer-0 has gone"],
        [
            "moved",
            [pod("loadbalancer-0", "node1", "10.244.1.5")],
            "Pod default/loadbalancer-0 is now 10.244.1.5 on node1",
        ],
        [
            "relabelled",
            [pod("loadbalancer-0", "node2", "10.244.2.216", { labels: { app: "other" } })],
            "no selector matches Pod default/loadbalancer-0 here any more",
        ],
        [
            "left without address",
            [pod("loadbalancer-0", "node2", "", { addresses: [] })],
            "Pod default/loadbalancer-0 is now without address on node2",
        ],
    ])("says why a Pod that was %s is no neighbor any more", (_, pods, why) => {
        const [first] = actionsOf(
            plan(pods, state({ peers: [marked("10.244.2.216")], policy: "10.244.2.216" }), terms),
        );
        expect(first).toBe(`- 10.244.2.216: ${why}`);
    });

    it("never touches neighbors without mark, not even one with a Pod's address", () => {
        const configured = { address: "10.0.2.1", settings: "the router" };
        const taken = { address: "10.244.2.216", settings: "somebody's" };
        const todo = plan(
            [pod("loadbalancer-0", "node2", "10.244.2.216")],
            state({ peers: [configured, taken] }),
            terms,
        );
        expect(actionsOf(todo)).toEqual([]);
        expect(notesOf(todo)).toEqual([
            "Pod default/loadbalancer-0: its address 10.244.2.216 is that of a neighbor that is configured by it, which stays",
        ]);
    });

    it("makes a neighbor anew whose settings differ, or whose selector is another", () => {
        const peers = [
            { ...marked("10.244.2.216"), settings: "old" },
            marked("10.244.2.217", "loadbalancer-1", "former"),
        ];
        const pods = [pod("loadbalancer-0", "node2", "10.244.2.216"), pod("loadbalancer-1", "node2", "10.244.2.217")];
        expect(actionsOf(plan(pods, state({ peers, policy: "10.244.2.216,10.244.2.217" }), terms))).toEqual([
            "- 10.244.2.216: its settings are others",
            "- 10.244.2.217: no selector matches Pod default/loadbalancer-1 here any more",
            "+ 10.244.2.216: Pod default/loadbalancer-0 on node2 matches selector gateways",
            "+ 10.244.2.217: Pod default/loadbalancer-1 on node2 matches selector gateways",
        ]);
    });

    it("has a neighbor per family that the selector asks for and the Pod has", () => {
        const dual: PodSelector = { ...gateways, families: ["ipv4", "ipv6"] };
        const both = pod("both", "node2", "", { addresses: ["fd00:10:244:2::d8", "10.244.2.216", "10.244.2.217"] });
        const one = pod("one", "node2", "10.244.2.3");
        const todo = plan([one, both], state({ selectors: [dual] }), terms);
        expect(todo.wanted.map(({ address }) => address)).toEqual(["10.244.2.216", "fd00:10:244:2::d8", "10.244.2.3"]);
        expect(notesOf(todo)).toEqual(["Pod default/one: has no IPv6 address, and so no IPv6 session"]);
    });

    it.each<[string, Partial<ObservedPod>, readonly string[]]>([
        ["is in another namespace", { namespace: "other" }, [none]],
        ["is on another node", { node: "node1" }, [none]],
        ["has no address yet", { addresses: [] }, ["Pod default/odd: left out: it has no address yet", none]],
        [
            "has something that is no address",
            { addresses: ["10.244.2", "10.244.2.300"] },
            [
                'Pod default/odd: "10.244.2" is no address and is ignored',
                'Pod default/odd: "10.244.2.300" is no address and is ignored',
                "Pod default/odd: left out: it has no address yet",
                none,
            ],
        ],
        [
            "shares its node's addresses",
            { unfit: "it shares the addresses of its node" },
            ["Pod default/odd: left out: it shares the addresses of its node", none],
        ],
        ["has no labels", { labels: undefined }, [none]],
        [
            "has a list for labels",
            { labels: ["app=loadbalancer"] },
            ['Pod default/odd: left out: its labels are ["app=loadbalancer"], not names with values', none],
        ],
        [
            "has a number for a label",
            { labels: { app: "loadbalancer", weight: 3 } },
            ['Pod default/odd: left out: "weight": 3 is no label', none],
        ],
        [
            "has a label with a line break",
            { labels: { app: "loadbalancer", "a\nb": "" } },
            ['Pod default/odd: left out: "a\\nb": "" is no label', none],
        ],
        [
            "has a label as long as a novel",
            { labels: { app: "loadbalancer", tale: "x".repeat(10_000) } },
            [`Pod default/odd: left out: "tale": "${"x".repeat(59)} is no label`, none],
        ],
        [
            "inherits nothing from labels like __proto__",
            { labels: JSON.parse('{"__proto__": {"app": "loadbalancer"}}') },
            ['Pod default/odd: left out: "__proto__": {"app":"loadbalancer"} is no label', none],
        ],
    ])("leaves a Pod out that %s, and says so", (_, parts, says) => {
        const todo = plan([pod("odd", "node2", "10.244.2.3", parts)], state(), terms);
        expect(todo.wanted).toEqual([]);
        expect(actionsOf(todo)).toEqual([]);
        expect(notesOf(todo)).toEqual(says);
    });

    it("gives each address of a Pod to the first selector that has its family", () => {
        const of = (name: string, ...families: PodSelector["families"]): PodSelector => ({
            ...gateways,
            name,
            families,
        });
        const selectors = [of("four", "ipv4"), of("six", "ipv6"), of("both", "ipv4", "ipv6")];
        const both = pod("a", "node2", "10.244.2.3", { addresses: ["10.244.2.3", "fd00::3"] });
        const todo = plan([both], state({ selectors }), terms);
        expect(todo.wanted.map(({ address, selector }) => `${address} ${selector.name}`)).toEqual([
            "10.244.2.3 four",
            "fd00::3 six",
        ]);
        expect(notesOf(todo)).toEqual([
            "Pod default/a: selector both matches it, too; it belongs to four",
            "selector both: no Pod here becomes a neighbor by it",
        ]);
    });

    it("gives a Pod that two selectors match to the first, and an address that two Pods have to the first by name", () => {
        const second: PodSelector = { ...gateways, name: "second" };
        const pods = [pod("b", "node2", "10.244.2.3"), pod("a", "node2", "10.244.2.3")];
        const todo = plan(pods, state({ selectors: [gateways, second] }), terms);
        expect(todo.wanted.map(({ pod: { name }, selector }) => `${name} ${selector.name}`)).toEqual(["a gateways"]);
        expect(notesOf(todo)).toEqual([
            "Pod default/a: selector second matches it, too; it belongs to gateways",
            "Pod default/b: selector second matches it, too; it belongs to gateways",
            "selector second: no Pod here becomes a neighbor by it",
            "Pod default/b: its address 10.244.2.3 is that of Pod default/a, which stays",
        ]);
    });

    it("gives each family of a Pod to the first selector that has it, as a router has a peer group for each", () => {
        const v6: PodSelector = { ...gateways, name: "gateways-v6", families: ["ipv6"] };
        const both = pod("both", "node2", "", { addresses: ["10.244.2.216", "fd00:10:244:2::d8"] });
        const todo = plan([both], state({ selectors: [gateways, v6] }), terms);
        expect(todo.wanted.map(({ address, selector }) => `${address} ${selector.name}`)).toEqual([
            "10.244.2.216 gateways",
            "fd00:10:244:2::d8 gateways-v6",
        ]);
        expect(notesOf(todo)).toEqual([]);
    });

    it("does not depend on the order in which an API gives Pods", () => {
        const pods = Array.from({ length: 30 }, (_, n) => pod(`p${n}`, "node2", `10.244.2.${n + 1}`));
        expect(plan([...pods].reverse(), state(), terms)).toEqual(plan(pods, state(), terms));
    });

    it("takes everything of its own away when there are no Pods", () => {
        const peers = [marked("10.244.2.216"), { address: "10.0.2.1", settings: "the router" }];
        const routes = { node2: { "192.168.0.1/32": "10.244.2.216" } };
        expect(actionsOf(plan([], state({ peers, policy: "10.244.2.216", paths: [], routes }), terms))).toEqual([
            "- 10.244.2.216: Pod default/loadbalancer-0 has gone",
            "policies []: other Pods are neighbors",
            "routes of node2 {}: 192.168.0.1/32 is no longer taken of 10.244.2.216",
        ]);
    });

    it("plans for a thousand Pods, all new, and has nothing to do once they are there", () => {
        const pods = Array.from({ length: 1000 }, (_, n) => pod(`p${n}`, "node2", `10.244.${2 + (n >> 8)}.${n & 255}`));
        const { actions, wanted } = plan(pods, state(), terms);
        expect(actions).toHaveLength(1001);
        const peers = wanted.map(({ address, pod: { name } }) => marked(address, name));
        expect(plan(pods, state({ peers, policy: terms.policy?.(wanted) ?? "" }), terms).actions).toEqual([]);
    });
});

describe("the routes of a node", () => {
    const pods = [pod("a", "node2", "10.244.2.3"), pod("b", "node2", "10.244.2.20"), pod("c", "node1", "10.244.1.3")];
    const path = (prefix: string, neighbor: string, nextHop = neighbor) => ({ prefix, nextHop, neighbor });
    const routes = (paths: TargetState["paths"], parts: Partial<TargetState> = {}, more: Partial<Terms> = {}) => {
        const todo = plan(
            pods,
            { selectors: [gateways], paths: paths ?? [], ...parts },
            { settings: () => "", ...more },
        );
        return { actions: actionsOf(todo), notes: notesOf(todo) };
    };

    it("lead to the Pod that announced a prefix, on its own node; to the first of several", () => {
        const paths = [
            path("192.168.0.1/32", "10.244.2.20"),
            path("192.168.0.1/32", "10.244.2.3"),
            path("192.168.0.1/32", "10.244.1.3"),
        ];
        expect(routes(paths).actions).toEqual([
            'routes of node1 {"192.168.0.1/32":"10.244.1.3"}: 192.168.0.1/32 was taken of 10.244.1.3',
            'routes of node2 {"192.168.0.1/32":"10.244.2.3"}: 192.168.0.1/32 was taken of 10.244.2.3',
        ]);
    });

    it("do not come of neighbors that are no Pods, nor of the speaker itself", () => {
        expect(routes([path("10.244.0.0/24", "10.0.2.1"), path("10.244.2.0/24", "(unspec)", "0.0.0.0")])).toEqual({
            actions: [],
            notes: [],
        });
    });

    it("do not lead to a next hop that is not the Pod itself, nor where its selector does not allow it", () => {
        const paths = [path("192.168.0.1/32", "10.244.2.3", "10.244.2.20"), path("10.244.1.0/24", "10.244.2.20")];
        expect(routes(paths, {}, { mayLead: (_, prefix) => prefix === "192.168.0.1/32" })).toEqual({
            actions: [],
            notes: [
                "Pod default/a: 192.168.0.1/32 is not routed to it: its next hop 10.244.2.20 is somebody else",
                "Pod default/b: 10.244.1.0/24 is not routed to it: selector gateways does not allow it",
            ],
        });
    });

    it("leave a prefix alone that the kernel has of somebody else", () => {
        const occupied = { node2: new Set(["10.244.2.3/32"]) };
        expect(routes([path("10.244.2.3/32", "10.244.2.3")], { occupied }).actions).toEqual([]);
    });

    it("go with what they came from, and change when it does", () => {
        const before = {
            node2: { "192.168.0.1/32": "10.244.2.20", "192.168.0.2/32": "10.244.2.3" },
            node9: { "::/1": "x" },
        };
        expect(routes([path("192.168.0.1/32", "10.244.2.3")], { routes: before }).actions).toEqual([
            'routes of node2 {"192.168.0.1/32":"10.244.2.3"}: 192.168.0.1/32 was taken of 10.244.2.3, 192.168.0.2/32 is no longer taken of 10.244.2.3',
            "routes of node9 {}: ::/1 is no longer taken of x",
        ]);
    });
});
