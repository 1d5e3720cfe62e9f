# SPDX-License-Identifier: AGPL-3.0-or-later
"""
doctor: looks a server over and says in plain words what is wrong and what to type.

What is judged and how it is looked up are apart. A judging module takes facts (and the day, where one matters) and returns findings; it opens
nothing. A reading module (`read_…`) fetches facts through `machine` and the doors of other rooms. What could not be looked at is `Unseen`, and is
never taken for well.

On an installed server the folder is looked over by a process of its own with no more rights than the night's care (`apart`): an app that was taken over
writes what is read there.
"""
