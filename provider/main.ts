import { version } from "../package.json";
import { dockerClaim } from "./docker/claim";
import { frr } from "./docker/frr";
import { readiness } from "./docker/readiness";
import { dockerVerification } from "./docker/verification";
import { vyos } from "./docker/vyos";
import { wiring } from "./docker/wiring";
import { claim } from "./resources/claim";
import { controller } from "./resources/controller";
import { fabric } from "./resources/fabric";
import { node } from "./resources/node";
import { router } from "./resources/router";
import { sandbox } from "./resources/sandbox";
import { verification } from "./resources/verification";
import { serve } from "./server";

const netnsKinds = [claim, sandbox, fabric, router, node, controller, verification];
const dockerKinds = [dockerClaim, wiring, frr, vyos, readiness, dockerVerification];

serve([...netnsKinds, ...dockerKinds], version);
