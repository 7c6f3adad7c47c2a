import { formatPath, type Path } from "../../lab/path";
import { sessionEnds } from "../../lab/sessions";
import { wholeNumber } from "../parameters";
import { organisationPolicy } from "./policy";

/** Sessions live through short silences, and none lives for ever. */
export const holdTime = organisationPolicy({
    id: "ORG-TMR-001",
    name: "hold-time",
    description: "Hold times are not shorter, and where asked not longer, than the organisation wants them.",
    severity: "medium",
    source: "RFC 4271 §4.2",
    remediation: "Set the hold time, and a third of it as keepalive; use BFD where dead peers must be found sooner.",
    parameters: {
        minimum: wholeNumber(
            3,
            65535,
            "Seconds; less is not allowed, nor is 0, with which no peer is ever found dead.",
        ),
        maximum: wholeNumber(3, 65535, "Seconds; more is not allowed."),
    },
    *contradictions({ minimum, maximum }) {
        if (minimum !== undefined && maximum !== undefined && maximum < minimum) {
            yield {
                at: ["maximum"],
                says: `no hold time is allowed: ${maximum} is less than the minimum of ${minimum}`,
                fix: `set maximum to ${minimum} or more, or lower minimum`,
            };
        }
    },
    *check(lab, { minimum = 0, maximum = Number.POSITIVE_INFINITY }) {
        const told = new Set<string>();
        for (const { node, peerAddress, timersPath, timers } of sessionEnds(lab)) {
            const at: Path = [...timersPath, "holdTime"];
            const wrong = complaint(timers.holdTime, minimum, maximum);
            // Sessions of a peer group have one hold time.
            if (wrong !== undefined && !told.has(formatPath(at))) {
                told.add(formatPath(at));
                const fix = `set holdTime to ${wrong.limit}`;
                yield { at, says: `${node} holds its session with ${peerAddress} ${wrong.says}`, fix };
            }
        }
    },
});

function complaint(holdTime: number, minimum: number, maximum: number) {
    if (holdTime === 0 && minimum > 0) {
        return { says: "for ever (hold time 0), and would not notice a dead peer", limit: `${minimum} or more` };
    }
    if (holdTime < minimum) {
        return {
            says: `for ${holdTime} s, less than the organisation's minimum of ${minimum} s`,
            limit: `${minimum} or more`,
        };
    }
    return holdTime > maximum
        ? {
              says: `for ${holdTime} s, more than the organisation's maximum of ${maximum} s`,
              limit: `${maximum} or less`,
          }
        : undefined;
}
