"""The File-set (PS3.10 8, PS3.3 Annex F): File IDs, Directory Records, the DICOMDIR writer.

`dicomdir` takes instances in the order of the tree and gives File IDs and a
DICOMDIR. Below it: `contract` (what goes in and comes out), `order` (who may
come in), `file_ids`, `record_resolver` and `keys` (which values a record holds,
out of `object_values`, `siblings`, `values`, `text`, `moments` and `icons`),
`records` (as bytes), `directory` (links and offsets), `kept` (records that stay),
`agreement` and `findings` (what is told). It knows headers and tables of keys;
it opens no instance and knows neither catalog nor medium.
"""
