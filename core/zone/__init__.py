"""The Client Zone at /account (FEATURES K4): where a person sees and changes what the site has of them."""
