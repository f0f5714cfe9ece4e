/** Everything here only makes better what works without it. Each part looks for its own data attributes. */
import "./theme.js";
import "./menus.js";
import "./dialogs.js";
import "./ticks.js";
import "./live.js";
import "./builder.js";
import "./keys.js";
import "./toasts.js";
import "./places.js";
import "./forms.js";
