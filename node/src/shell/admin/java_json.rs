//! JSON as ZooKeeper's AdminServer prints it: scripts look for ` : null` and the like in it.

use std::io::{Result, Write};

use serde_json::ser::Formatter;

/// Two spaces a level, objects broken into lines, lists in one line.
#[derive(Debug, Default)]
pub(super) struct JavaStyle {
    depth: usize,
    /// The object that was just begun has no key yet.
    empty: bool,
    /// The list that is about to end has a member.
    filled: bool,
}

impl JavaStyle {
    fn line(&self, out: &mut (impl Write + ?Sized)) -> Result<()> {
        out.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| out.write_all(b"  "))
    }
}

impl Formatter for JavaStyle {
    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> Result<()> {
        self.depth += 1;
        self.empty = true;
        out.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> Result<()> {
        self.depth = self.depth.saturating_sub(1);
        if self.empty {
            out.write_all(b" ")?;
        } else {
            self.line(out)?;
        }
        self.empty = false;
        out.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> Result<()> {
        self.empty = false;
        if !first {
            out.write_all(b",")?;
        }
        self.line(out)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> Result<()> {
        out.write_all(b" : ")
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> Result<()> {
        self.filled = false;
        out.write_all(b"[ ")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _out: &mut W) -> Result<()> {
        self.filled = true;
        Ok(())
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> Result<()> {
        out.write_all(if self.filled { b" ]" } else { b"]" as &[u8] })
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_text_is_laid_out_as_zookeepers() {
        let value = json!({ "a": { "b": [1, 2] }, "c": [], "d": [{ "e": null }, {}], "f": {} });
        let mut text = Vec::new();
        let mut writer = serde_json::Serializer::with_formatter(&mut text, JavaStyle::default());
        value.serialize(&mut writer).unwrap();
        let expected = "{\n  \"a\" : {\n    \"b\" : [ 1, 2 ]\n  },\n  \"c\" : [ ],\n  \"d\" : [ {\n    \
                        \"e\" : null\n  }, { } ],\n  \"f\" : { }\n}";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
