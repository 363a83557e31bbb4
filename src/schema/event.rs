//! Table `event`.

columns!(event, "Everything that is recognised but has no table of its own: common columns and extra.", {
    MESSAGE "message" Text "Rendered message, where it is the only carrier.";
});
