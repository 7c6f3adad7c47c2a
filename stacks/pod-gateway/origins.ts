/** Where the values of the planned lab come from. */

import type { Origin } from "../origins";
import type { PodGateway } from "./parameters";

/** Where the values of the model come from, the special before the general. */
export const origins: readonly Origin<PodGateway>[] = [];
