/** What applying a changed configuration does to a session that is up. */

import type { SpeakerProgram } from "../lab/speakers";
import type { FieldChange } from "./review";

/** Who is at one end of a session. */
export interface AppliedEnd {
    readonly device: string;
    /** Absent for a router, which runs FRR: VyOS configures the same daemon. */
    readonly program?: SpeakerProgram | undefined;
}

/**
 * What a daemon does when a setting of a session changes; nothing means that the new value is used at once and the session
 * stays.
 */
type Effect = "reset" | "next session" | undefined;

/** Settings that make another session, whoever speaks (RFC 4271 §6.7, RFC 4486: Other Configuration Change). */
const identity =
    /^(AS|BGP identifier|type|address|instance|neighbor|families|eBGP multihop|update source|peer group)\b/;

/**
 * FRR and MetalLB's FRR (FRR bgpd/bgpd.c): `peer_timers_set` stores the timers, which are agreed on when a session opens
 * (RFC 4271 §4.2), and `peer_af_flag_action_list` resets for `route-reflector-client`; filters are held against what was
 * received without a reset, and BFD joins the session as it is.
 */
const ofFrr: readonly (readonly [RegExp, Effect])[] = [
    [/^route reflector client\b/, "reset"],
    [/^(hold time|keepalive)\b/, "next session"],
];

/**
 * What programs do about the settings that are not `identity`. Cilium resets for timers so that they hold at once (Cilium
 * pkg/bgp/gobgp/peer.go, `needsHardReset`), and GoBGP for what its OPEN message says (`NeedsResendOpenMessage`). BIRD restarts
 * a protocol whose options differ, but for filters (BIRD proto/bgp/bgp.c, `bgp_reconfigure`).
 */
const effects: Readonly<Record<SpeakerProgram | "router", readonly (readonly [RegExp, Effect])[]>> = {
    router: ofFrr,
    metallb: ofFrr,
    cilium: [[/^(hold time|keepalive|graceful restart time)\b/, "reset"]],
    calico: [[/^(hold time|keepalive|connect retry|graceful restart time)\b/, "reset"]],
};

/** What applying changed fields does to a session that is up before and after; nothing when it stays and uses them. */
export function appliedTo(fields: readonly FieldChange[], ends: readonly AppliedEnd[]): Effect {
    const found = fields.flatMap(({ field }) => endsOf(field, ends).map((end) => effectOn(end, field)));
    return found.find((effect) => effect === "reset") ?? found.find((effect) => effect !== undefined);
}

/** The ends that a field is about: the one it names, or both. */
function endsOf(field: string, ends: readonly AppliedEnd[]): readonly AppliedEnd[] {
    const named = ends.filter(({ device }) => field.endsWith(` of ${device}`));
    return named.length === 0 ? ends : named;
}

function effectOn({ program }: AppliedEnd, field: string): Effect {
    return identity.test(field) ? "reset" : effects[program ?? "router"].find(([pattern]) => pattern.test(field))?.[1];
}
