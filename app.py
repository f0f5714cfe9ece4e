"""The ASGI application of the site that the environment describes."""

from core.settings import settings_from_environment
from core.site import open_site
from core.web.application import create_app

site = open_site(settings_from_environment())
app = create_app(site, worker=site.settings.worker)
