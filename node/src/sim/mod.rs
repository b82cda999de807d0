//! A fake world around the real core.
