# -*- test-case-name: tests.wire.test_blocks -*-
"""What messages of the agent consist of."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.wire.blocks import blocks, output

ODD = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text", "content"]), inner),
)


class BlocksTests(SynchronousTestCase):
    def test_blocks(self) -> None:
        """A message has its blocks, and a text alone is one; what is no block is none."""
        block = {"type": "tool_use", "name": "Bash"}
        self.assertEqual(list(blocks({"message": {"content": [block, 7]}})), [block])
        self.assertEqual(list(blocks({"message": {"content": "so"}})), [{"type": "text", "text": "so"}])
        self.assertEqual(list(blocks({"message": "so"})), [])

    def test_output(self) -> None:
        """What a tool returned are its texts; that there was an image is said in the place of one."""
        self.assertEqual(output("so"), "so")
        self.assertEqual(output([{"type": "text", "text": "a"}, {"type": "image"}, 7]), "a\n[image]")
        self.assertEqual(output(None), "")

    @given(ODD)
    def test_anything(self, odd: object) -> None:
        """Whatever stands there is read."""
        self.assertIsInstance(output(odd), str)
        self.assertTrue(all(isinstance(one, dict) for one in blocks({"message": {"content": odd}})))
