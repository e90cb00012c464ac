/* Pages of text only: masthead, notices and footer. */
import { openSite } from "./site.js";

await openSite();
