"""A plugin that implements every hook: points for loyal contacts. The example that docs/plugins.md leads up to."""
